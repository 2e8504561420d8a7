// Passwords: kept as scrypt hashes, each with a salt of its own, so that a stolen file tells no password.
//
//   scrypt$<cost>$<salt>$<hash>      the cost stands in the text, so that it may grow later
// Checking takes tens of milliseconds on purpose; it runs beside the event loop.
// Upstream: etcd uses bcrypt, which Node does not have.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const COST = 2 ** 14;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, COST);
  return ['scrypt', COST, salt.toString('base64'), hash.toString('base64')].join('$');
}

export async function verifyPassword(password: string, hashed: string): Promise<boolean> {
  const [, cost, salt = '', hash = ''] = hashed.split('$');
  const expected = Buffer.from(hash, 'base64');
  const actual = await derive(password, Buffer.from(salt, 'base64'), Number(cost));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function derive(password: string, salt: Buffer, cost: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, { N: cost }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
