// Crc32c: the checksum of Castagnoli, as etcd's hashes use it; Node's own crc32 has another polynomial.
//
// Four tables at once ("slicing by four"), as a whole store goes through it.
const POLYNOMIAL = 0x82f63b78;
const TABLES = makeTables();

/** The checksum of what came before, continued with these bytes. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const [one, two, three, four] = TABLES;
  let crc = ~before;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^= word(bytes, at);
    crc =
      (four[crc & 0xff] as number) ^
      (three[(crc >>> 8) & 0xff] as number) ^
      (two[(crc >>> 16) & 0xff] as number) ^
      (one[crc >>> 24] as number);
  }
  for (; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ (one[(crc ^ (bytes[at] as number)) & 0xff] as number);
  }
  return ~crc >>> 0;
}

/** Little endian. */
function word(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}

/** Table n says what a byte does to the checksum n + 1 bytes later. */
function makeTables(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const one = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc;
  });
  const after = (table: Int32Array) =>
    table.map((crc) => (one[crc & 0xff] as number) ^ (crc >>> 8));
  const two = after(one);
  const three = after(two);
  return [one, two, three, after(three)];
}
