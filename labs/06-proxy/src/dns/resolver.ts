// Resolver: bytes of a question in, bytes of the answer out.
//
// The cluster's own names are answered here from the source; all others by the node's resolvers. An alias (a service
// of type ExternalName) is followed to its end, because the resolver in a pod's libc does not do that by itself.
// An answer too large for UDP is cut and says so; the client then asks again over TCP.
//
// Invariants: a question about the cluster never leaves the node; nothing here throws at the caller; a question that
// is no question gets no answer.
// Same idea upstream: coredns, its chain kubernetes → cache → forward, and plugin/loadbalance for the order.

import { type Answer, encode, encodingLength, type Question } from 'dns-packet';
import { clusterRecords, type DnsSource, soa, type ZoneOptions } from './cluster-records.ts';
import {
  type DnsQuery,
  decodeOrUndefined,
  decodeQuery,
  encodeResponse,
  type Rcode,
  type ResponseFields,
} from './dns-message.ts';
import type { Forwarder, Transport } from './forwarder.ts';

export interface ResolverOptions extends ZoneOptions {
  readonly source: DnsSource;
  readonly forwarder: Pick<Forwarder, 'forward'>;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
  /** Told of each answer; for metrics. */
  onAnswer?(type: string, rcode: string): void;
}

const UDP_SIZE_DEFAULT = 512;
/** Larger datagrams may be cut on the way. */
const UDP_SIZE_MAX = 1_232;
const ALIASES_MAX = 8;

export class Resolver {
  readonly #options: ResolverOptions;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** undefined: say nothing. */
  async answer(message: Buffer, transport: Transport): Promise<Buffer | undefined> {
    const decoded = decodeQuery(message);
    if (decoded === undefined) return undefined;
    if (decoded.kind === 'refuse') {
      return encodeResponse(decoded.id, empty(decoded.rcode));
    }
    const { query } = decoded;
    const outcome = await this.#resolve(query.question, message, transport);
    if (Buffer.isBuffer(outcome)) {
      this.#options.onAnswer?.(query.question.type, 'forwarded');
      return outcome;
    }
    this.#options.onAnswer?.(query.question.type, outcome.rcode);
    return fit(query, outcome, transport);
  }

  async #resolve(
    question: Question,
    message: Buffer,
    transport: Transport,
  ): Promise<Buffer | ResponseFields> {
    const { source, zone } = this.#options;
    const found = clusterRecords(question, source, this.#options);
    if (found.kind === 'outside') {
      return (await this.#options.forwarder.forward(message, transport)) ?? empty('SERVFAIL');
    }
    if (!source.ready) return empty('SERVFAIL');
    if (found.kind === 'no-such-name') return negative('NXDOMAIN', zone);
    if (found.kind === 'alias') return this.#follow(question, found, transport);
    if (found.answers.length === 0) return negative('NOERROR', zone);
    return {
      rcode: 'NOERROR',
      authoritative: true,
      packet: { answers: this.#shuffle(found.answers), additionals: found.additionals },
    };
  }

  async #follow(
    question: Question,
    alias: { readonly answer: Answer; readonly target: string },
    transport: Transport,
  ): Promise<ResponseFields> {
    const answers: Answer[] = [alias.answer];
    const done = (): ResponseFields => ({
      rcode: 'NOERROR',
      authoritative: true,
      packet: { answers },
    });
    let name = alias.target;
    for (let step = 0; step < ALIASES_MAX && question.type !== 'CNAME'; step++) {
      const next = { ...question, name };
      const found = clusterRecords(next, this.#options.source, this.#options);
      switch (found.kind) {
        case 'records':
          answers.push(...found.answers);
          return done();
        case 'no-such-name':
          return done();
        case 'alias':
          answers.push(found.answer);
          name = found.target;
          break;
        case 'outside':
          answers.push(...(await this.#askOutside(next, transport)));
          return done();
        default:
          found satisfies never;
      }
    }
    return done();
  }

  async #askOutside(question: Question, transport: Transport): Promise<readonly Answer[]> {
    const query = encode({ type: 'query', id: 0, flags: 0x0100, questions: [question] });
    const answer = await this.#options.forwarder.forward(query, transport);
    return answer === undefined ? [] : (decodeOrUndefined(answer)?.answers ?? []);
  }

  /** Clients take the first address, so the order spreads them over a headless service. */
  #shuffle(answers: readonly Answer[]): Answer[] {
    const shuffled = [...answers];
    const random = this.#options.random ?? Math.random;
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = Math.floor(random() * (last + 1));
      const [one, two] = [shuffled[last], shuffled[other]];
      if (one !== undefined && two !== undefined) [shuffled[last], shuffled[other]] = [two, one];
    }
    return shuffled;
  }
}

function empty(rcode: Rcode): ResponseFields {
  return { rcode, authoritative: false, packet: {} };
}

function negative(rcode: Rcode, zone: string): ResponseFields {
  return { rcode, authoritative: true, packet: { authorities: [soa(zone)] } };
}

/** Encodes what fits: first the additional records go, then answers from the end, and the cut is told. */
function fit(query: DnsQuery, fields: ResponseFields, transport: Transport): Buffer {
  const { questions = [query.question], ...sections } = fields.packet;
  const edns: Answer[] =
    query.ednsSizeMax === undefined
      ? []
      : [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: UDP_SIZE_MAX,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ];
  const whole = {
    ...sections,
    questions,
    additionals: [...(sections.additionals ?? []), ...edns],
  };
  const sizeMax =
    transport === 'tcp'
      ? 65_535
      : Math.min(Math.max(query.ednsSizeMax ?? 0, UDP_SIZE_DEFAULT), UDP_SIZE_MAX);
  if (encodingLength(whole) <= sizeMax) {
    return encodeResponse(query.id, { ...fields, packet: whole }, query.recursionDesired);
  }
  const packet = { ...whole, answers: [...(sections.answers ?? [])], additionals: edns };
  const complete = packet.answers.length;
  while (packet.answers.length > 0 && encodingLength(packet) > sizeMax) packet.answers.pop();
  const truncated = packet.answers.length < complete;
  return encodeResponse(query.id, { ...fields, packet, truncated }, query.recursionDesired);
}
