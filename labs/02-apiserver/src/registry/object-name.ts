// object-name: uids, and names for those who ask for one by generateName.
//
// The alphabet has no vowels and none of the characters that look alike, so that no word appears by chance and nobody
// copies a name wrongly.
//
// Same rule upstream: apiserver, storage/names/generate.go and apimachinery, util/rand.

import { randomInt, randomUUID } from 'node:crypto';

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
const NAME_LENGTH_MAX = 63;

export function generateName(base: string): string {
  let suffix = '';
  for (let index = 0; index < SUFFIX_LENGTH; index += 1) {
    suffix += ALPHABET[randomInt(ALPHABET.length)];
  }
  return base.slice(0, NAME_LENGTH_MAX - SUFFIX_LENGTH) + suffix;
}

export function newUid(): string {
  return randomUUID();
}
