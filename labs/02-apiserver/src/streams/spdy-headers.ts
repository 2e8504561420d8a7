// spdy-headers: names and values of a SPDY stream, and the compression that both sides keep up over a whole connection.
//
// All header blocks of one direction are one zlib stream, cut where the sender flushed: at a whole byte. What one block leaves for the
// next is no more than its last 32 KiB (and, before the first, the dictionary of the protocol). So each block is inflated by itself, with
// those as its dictionary: at once, and with a limit on what may come out. The sender need not refer back, and ours does not.
//
// Invariant: after an error the state is of no use any more; the connection ends with it.
// Same idea upstream: moby/spdystream, spdy/read.go (parseHeaderValueBlock). The dictionary is the protocol's, word for word.

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { SpdyError } from './spdy-frames.ts';

export type Headers = ReadonlyMap<string, string>;

const BLOCK_BYTES_MAX = 64 * 1024;
const HEADERS_MAX = 100;
const WINDOW_BYTES = 32 * 1024;
const { Z_SYNC_FLUSH } = constants;

const DICTIONARY_WORDS = [
  'options,head,post,put,delete,trace,accept,accept-charset,accept-encoding,accept-language,accept-ranges,age,allow,authorization',
  'cache-control,connection,content-base,content-encoding,content-language,content-length,content-location,content-md5,content-range',
  'content-type,date,etag,expect,expires,from,host,if-match,if-modified-since,if-none-match,if-range,if-unmodified-since,last-modified',
  'location,max-forwards,pragma,proxy-authenticate,proxy-authorization,range,referer,retry-after,server,te,trailer,transfer-encoding',
  'upgrade,user-agent,vary,via,warning,www-authenticate,method,get,status,200 OK,version,HTTP/1.1,url,public,set-cookie,keep-alive,origin',
].join(',');
const DICTIONARY_TEXT = [
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505',
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found',
  '500 Internal Server Error501 Not Implemented503 Service Unavailable',
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT',
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,',
  'publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.',
].join('');

/** What both sides take as said before the first byte; 1,423 bytes. */
export const SPDY_DICTIONARY: Buffer = Buffer.concat([
  ...DICTIONARY_WORDS.split(',').map(counted),
  Buffer.from(DICTIONARY_TEXT),
]);
/** Begin of a zlib stream with a preset dictionary, and the dictionary's Adler-32. */
const ZLIB_START = Buffer.from('78bbe3c6a7c2', 'hex');
const FLAG_DICTIONARY = 0x20;

export class HeaderInflater {
  #window: Buffer | undefined;

  /** Throws SpdyError for what cannot be read, or is too much. */
  read(block: Buffer): Headers {
    let rest = block;
    if (this.#window === undefined) {
      checkStart(block);
      this.#window = SPDY_DICTIONARY;
      rest = block.subarray(ZLIB_START.length);
    }
    const plain = inflate(rest, this.#window);
    this.#window = Buffer.concat([this.#window, plain]).subarray(-WINDOW_BYTES);
    return parse(plain);
  }
}

export class HeaderDeflater {
  #started = false;

  write(headers: Headers): Buffer {
    const packed = deflateRawSync(format(headers), { finishFlush: Z_SYNC_FLUSH });
    if (this.#started) return packed;
    this.#started = true;
    return Buffer.concat([ZLIB_START, packed]);
  }
}

function checkStart(block: Buffer): void {
  const [method = 0, flags = 0] = block;
  const isZlib = (method & 0x0f) === 8 && (method * 256 + flags) % 31 === 0;
  const hasDictionary = (flags & FLAG_DICTIONARY) !== 0;
  if (!isZlib || !hasDictionary || !block.subarray(2, 6).equals(ZLIB_START.subarray(2))) {
    throw new SpdyError('a header block that was not compressed with the dictionary of SPDY/3');
  }
}

function inflate(bytes: Buffer, dictionary: Buffer): Buffer {
  const limits = { finishFlush: Z_SYNC_FLUSH, maxOutputLength: BLOCK_BYTES_MAX };
  try {
    return inflateRawSync(bytes, { dictionary, ...limits });
  } catch (error) {
    throw new SpdyError(`a header block that cannot be read: ${(error as Error).message}`);
  }
}

function parse(plain: Buffer): Headers {
  let at = 0;
  const number = (): number => {
    if (at + 4 > plain.length) throw new SpdyError('a header block that is cut off');
    at += 4;
    return plain.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (length > plain.length - at) throw new SpdyError('a header that is cut off');
    at += length;
    return plain.toString('utf8', at - length, at);
  };
  const count = number();
  if (count > HEADERS_MAX) throw new SpdyError(`${count} headers; at most ${HEADERS_MAX}`);
  const headers = new Map<string, string>();
  for (let index = 0; index < count; index += 1) {
    const name = text().toLowerCase();
    if (headers.has(name)) throw new SpdyError(`header ${name} twice`);
    headers.set(name, text());
  }
  return headers;
}

function format(headers: Headers): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(headers.size);
  const pairs = [...headers].flatMap(([name, value]) => [counted(name), counted(value)]);
  return Buffer.concat([count, ...pairs]);
}

function counted(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}
