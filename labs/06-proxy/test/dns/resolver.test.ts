// The resolver from bytes to bytes: answers, aliases, large ones, and what is no question.

import { type Answer, decode, encode, type Packet, type RecordType } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import type { DnsSource } from '../../src/dns/cluster-records.ts';
import { Resolver } from '../../src/dns/resolver.ts';
import { ready, service, slice } from '../objects.ts';
import { fixedSource } from './fixed-source.ts';

const many = Array.from({ length: 100 }, (_, index) => ready(`10.244.1.${index + 1}`));
const services = [
  service('default/web', { clusterIP: '10.96.0.7', ports: [{ port: 80 }] }),
  service('default/many', { clusterIP: 'None' }),
  service('default/away', { type: 'ExternalName', externalName: 'outside.example' }),
  service('default/near', {
    type: 'ExternalName',
    externalName: 'web.default.svc.cluster.local',
  }),
  service('default/loop', {
    type: 'ExternalName',
    externalName: 'loop.default.svc.cluster.local',
  }),
];
const fixed = fixedSource(services, [slice('default/many', many)]);

interface AskOptions {
  readonly source?: DnsSource;
  readonly transport?: 'udp' | 'tcp';
  readonly ednsSize?: number;
  /** undefined: nobody outside answers. */
  readonly outside?: Answer[];
}

async function ask(type: RecordType, name: string, options: AskOptions = {}): Promise<Packet> {
  const additionals: Answer[] = options.ednsSize === undefined ? [] : [opt(options.ednsSize)];
  const query = encode({
    type: 'query',
    id: 7,
    flags: 0x100,
    questions: [{ type, name }],
    additionals,
  });
  const response = await resolver(options).answer(query, options.transport ?? 'udp');
  return decode(response!);
}

function resolver({ source = fixed, outside }: AskOptions = {}): Resolver {
  return new Resolver({
    zone: 'cluster.local',
    ownsAddress: (ip) => ip.startsWith('10.'),
    source,
    forwarder: {
      async forward(query) {
        if (outside === undefined) return undefined;
        return encode({
          type: 'response',
          id: decode(query).id ?? 0,
          questions: [],
          answers: outside,
        });
      },
    },
    random: () => 0,
  });
}

function opt(udpPayloadSize: number): Answer {
  const rest = { extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] };
  return { type: 'OPT', name: '.', udpPayloadSize, ...rest };
}

/** Everything that a test looks at, in one line each. */
function seen(packet: Packet) {
  const { rcode, flag_aa, flag_tc } = packet as Packet & {
    rcode: string;
    flag_aa: boolean;
    flag_tc: boolean;
  };
  return {
    rcode,
    authoritative: flag_aa,
    truncated: flag_tc,
    answers: (packet.answers ?? []).map(
      (record) => `${record.type} ${'data' in record ? record.data : ''}`,
    ),
    authorities: (packet.authorities ?? []).map(({ type }) => type),
  };
}

const outsideA: Answer[] = [{ type: 'A', name: 'outside.example', ttl: 60, data: '192.0.2.1' }];

describe('Resolver.answer()', () => {
  const good = { rcode: 'NOERROR', authoritative: true, truncated: false, authorities: [] };
  const negative = { authoritative: true, truncated: false, answers: [], authorities: ['SOA'] };
  test.each([
    {
      name: 'gives the address of a service',
      question: ['A', 'web.default.svc.cluster.local'],
      want: { ...good, answers: ['A 10.96.0.7'] },
    },
    {
      name: 'says that there is no AAAA though the name exists',
      question: ['AAAA', 'web.default.svc.cluster.local'],
      want: { ...negative, rcode: 'NOERROR' },
    },
    {
      name: 'says that there is no such name',
      question: ['A', 'none.default.svc.cluster.local'],
      want: { ...negative, rcode: 'NXDOMAIN' },
    },
    {
      name: 'follows an alias out of the cluster',
      question: ['A', 'away.default.svc.cluster.local'],
      outside: outsideA,
      want: { ...good, answers: ['CNAME outside.example', 'A 192.0.2.1'] },
    },
    {
      name: 'gives the alias alone when nobody outside answers',
      question: ['A', 'away.default.svc.cluster.local'],
      want: { ...good, answers: ['CNAME outside.example'] },
    },
    {
      name: 'follows an alias inside the cluster',
      question: ['A', 'near.default.svc.cluster.local'],
      want: { ...good, answers: ['CNAME web.default.svc.cluster.local', 'A 10.96.0.7'] },
    },
    {
      name: 'does not follow when asked for the alias itself',
      question: ['CNAME', 'away.default.svc.cluster.local'],
      outside: outsideA,
      want: { ...good, answers: ['CNAME outside.example'] },
    },
    {
      name: 'passes on what is said outside',
      question: ['A', 'outside.example'],
      outside: outsideA,
      want: { ...good, authoritative: false, answers: ['A 192.0.2.1'] },
    },
    {
      name: 'fails when nobody outside answers',
      question: ['A', 'outside.example'],
      want: { ...good, rcode: 'SERVFAIL', authoritative: false, answers: [] },
    },
    {
      name: 'fails rather than guesses before the first lists are complete',
      question: ['A', 'web.default.svc.cluster.local'],
      source: { ...fixed, ready: false },
      want: { ...good, rcode: 'SERVFAIL', authoritative: false, answers: [] },
    },
  ] as const)('$name', async ({ question, want, ...options }) => {
    const [type, name] = question;
    const { outside, ...rest } = { outside: undefined, ...options };
    const asked = outside === undefined ? rest : { ...rest, outside };
    expect(seen(await ask(type, name, asked))).toEqual(want);
  });

  test('ends an alias that leads to itself', async () => {
    const { answers } = seen(await ask('A', 'loop.default.svc.cluster.local'));
    expect(answers.length).toBeLessThan(10);
  });

  test('repeats the question as it was asked, and its id', async () => {
    const packet = await ask('A', 'WeB.default.svc.cluster.local');
    expect(packet).toMatchObject({ id: 7, questions: [{ name: 'WeB.default.svc.cluster.local' }] });
    expect(packet.answers?.[0]?.name).toBe('WeB.default.svc.cluster.local');
  });

  test.each([
    { name: '512 bytes without EDNS', options: {}, sizeMax: 512, whole: false },
    {
      name: '1232 bytes of the 4096 offered',
      options: { ednsSize: 4096 },
      sizeMax: 1232,
      whole: false,
    },
    { name: 'everything over TCP', options: { transport: 'tcp' }, sizeMax: 65_535, whole: true },
  ] as const)('cuts a large answer to $name', async ({ options, sizeMax, whole }) => {
    const packet = await ask('A', 'many.default.svc.cluster.local', options);
    const { truncated, answers } = seen(packet);
    expect(truncated).toBe(!whole);
    expect(answers.length === 100).toBe(whole);
    expect(encode(packet).length).toBeLessThanOrEqual(sizeMax);
  });

  test('changes the order of the addresses of a headless service', async () => {
    const { answers } = seen(
      await ask('A', 'many.default.svc.cluster.local', { transport: 'tcp' }),
    );
    expect(answers[0]).not.toBe('A 10.244.1.1');
    expect([...answers].sort()).toEqual(many.map(({ addresses: [ip] }) => `A ${ip}`).sort());
  });
});

describe('Resolver.answer() given what is no question', () => {
  const plain = encode({
    type: 'query',
    id: 9,
    questions: [{ type: 'A', name: 'web.default.svc.cluster.local' }],
  });
  const withBytes = (...changes: [number, number][]): Buffer => {
    const copy = Buffer.from(plain);
    for (const [at, value] of changes) copy[at] = value;
    return copy;
  };
  test.each([
    { name: 'nothing', message: Buffer.alloc(0), want: undefined },
    { name: 'noise', message: Buffer.from('noise, not DNS at all'), want: 'NOTIMP' },
    { name: 'less than a header', message: plain.subarray(0, 11), want: undefined },
    { name: 'a cut name', message: plain.subarray(0, 20), want: undefined },
    {
      name: 'a name that points to itself',
      message: withBytes([12, 0xc0], [13, 12]),
      want: undefined,
    },
    { name: 'an answer', message: withBytes([2, 0x80]), want: undefined },
    { name: 'another operation', message: withBytes([2, 0x28]), want: 'NOTIMP' },
    { name: 'no question', message: withBytes([5, 0]), want: 'FORMERR' },
    { name: 'two questions', message: withBytes([5, 2]), want: 'FORMERR' },
    { name: 'a name that is not ASCII', message: withBytes([13, 0xff]), want: 'FORMERR' },
    { name: 'a name with a zero in it', message: withBytes([13, 0]), want: 'FORMERR' },
  ])('$name', async ({ message, want }) => {
    const answer = await resolver().answer(message, 'udp');
    expect(answer && seen(decode(answer)).rcode).toBe(want);
  });
});
