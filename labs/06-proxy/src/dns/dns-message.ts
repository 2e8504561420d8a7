// dns-message: the few things we need to know of a DNS message beyond what dns-packet tells.
//
// What comes from the network is not trusted: decodeQuery() gives undefined for anything that is no question, and the
// caller stays silent, so that nobody can make us answer noise. A question that is well formed but not
// ours to answer (another operation, several questions) gives a `refuse` with its code.
// Same idea upstream: RFC 1035, 4.1; RFC 6891 for the size that a client can take.

import { decode, encode, type Packet, type Question } from 'dns-packet';

export type Rcode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED';

export interface DnsQuery {
  readonly id: number;
  readonly question: Question;
  readonly recursionDesired: boolean;
  /** The largest answer over UDP; undefined: the client does not speak EDNS. */
  readonly ednsSizeMax: number | undefined;
}

export type DecodedQuery =
  | { readonly kind: 'query'; readonly query: DnsQuery }
  | { readonly kind: 'refuse'; readonly id: number; readonly rcode: Rcode };

const HEADER_LENGTH = 12;
const RESPONSE_BIT = 0x8000;
const RECURSION_DESIRED_BIT = 0x0100;
const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
const PLAIN_NAME = /^[\x21-\x7e]*$/;

export function decodeQuery(message: Buffer): DecodedQuery | undefined {
  if (message.length < HEADER_LENGTH) return undefined;
  const id = message.readUInt16BE(0);
  const flags = message.readUInt16BE(2);
  if ((flags & RESPONSE_BIT) !== 0) return undefined;
  if (((flags >> 11) & 0xf) !== 0) return { kind: 'refuse', id, rcode: 'NOTIMP' };
  if (message.readUInt16BE(4) !== 1) return { kind: 'refuse', id, rcode: 'FORMERR' };
  const packet = decodeOrUndefined(message);
  const question = packet?.questions?.[0];
  if (packet === undefined || question === undefined) return undefined;
  // Names that our text form cannot hold exactly; none of them is a cluster's.
  if (!PLAIN_NAME.test(question.name)) return { kind: 'refuse', id, rcode: 'FORMERR' };
  const edns = packet.additionals?.find((record) => record.type === 'OPT');
  const recursionDesired = (flags & RECURSION_DESIRED_BIT) !== 0;
  return {
    kind: 'query',
    query: { id, question, recursionDesired, ednsSizeMax: edns?.udpPayloadSize },
  };
}

export interface ResponseFields {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly truncated?: boolean;
  readonly packet: Pick<Packet, 'questions' | 'answers' | 'authorities' | 'additionals'>;
}

export function encodeResponse(
  id: number,
  { rcode, authoritative, truncated = false, packet }: ResponseFields,
  recursionDesired = false,
): Buffer {
  const flags =
    (authoritative ? 0x0400 : 0) |
    (truncated ? 0x0200 : 0) |
    (recursionDesired ? RECURSION_DESIRED_BIT : 0) |
    0x0080 | // Recursion is available: names outside are forwarded.
    RCODES[rcode];
  return encode({ ...packet, id, type: 'response', flags });
}

/** An answer has the question's id and repeats the question; anything else is somebody else's. */
export function isAnswerTo(message: Buffer, query: Buffer): boolean {
  if (message.length < HEADER_LENGTH || message.readUInt16BE(0) !== query.readUInt16BE(0)) {
    return false;
  }
  if ((message.readUInt16BE(2) & RESPONSE_BIT) === 0) return false;
  const [asked] = decodeOrUndefined(query)?.questions ?? [];
  const [echoed] = decodeOrUndefined(message)?.questions ?? [];
  // Some resolvers leave the question out of an error.
  if (echoed === undefined) return (message.readUInt16BE(2) & 0xf) !== 0;
  return asked?.type === echoed.type && asked.name.toLowerCase() === echoed.name.toLowerCase();
}

/** How long an answer may be kept: the least time to live in it; for "no" the zone's word; for a failure not at all. */
export function answerSeconds(message: Buffer): number {
  const rcode = message.readUInt16BE(2) & 0xf;
  const truncated = (message.readUInt16BE(2) & 0x0200) !== 0;
  const packet = decodeOrUndefined(message);
  if (packet === undefined || truncated) return 0;
  if (rcode !== RCODES.NOERROR && rcode !== RCODES.NXDOMAIN) return 0;
  const records = packet.answers?.length ? packet.answers : (packet.authorities ?? []);
  const times = records.map((record) => ('ttl' in record ? (record.ttl ?? 0) : 0));
  return times.length === 0 ? 0 : Math.min(...times);
}

export function decodeOrUndefined(message: Buffer): Packet | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}
