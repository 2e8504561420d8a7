// Clients that take nothing but protobuf: objects, lists, watches and errors; and what everybody else still gets.

import type { ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { ListMeta, ObjectMeta } from 'kubernetes-types/meta/v1';
import protobuf from 'protobufjs/minimal.js';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { decodeGoObject } from '#src/codec/go-decode.ts';
import { decodeProtobuf, openEnvelope } from '#src/codec/protobuf.ts';
import { negotiate } from '#src/server/negotiation.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const CORE = 'io.k8s.api.core.v1.';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

let server: TestApiServer;

beforeAll(async () => {
  server = await startTestApiServer();
  for (const name of ['a', 'b']) {
    const body = { metadata: { name, labels: { x: 'y' } }, data: { key: 'größe' } };
    expect(
      (await ask(CONFIG_MAPS, { method: 'POST', body, accept: 'application/json' })).status,
    ).toBe(201);
  }
});

afterAll(() => server[Symbol.asyncDispose]());

interface Asked {
  readonly method?: string;
  readonly body?: object;
  readonly accept?: string;
}

function open(path: string, { method = 'GET', body, accept = PROTOBUF }: Asked): ClientRequest {
  const { ca, cert, key } = server.adminOptions;
  const headers = { accept, 'content-type': 'application/json' };
  const outgoing = request(server.url, { path, method, ca, cert, key, agent: false, headers });
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  return outgoing;
}

function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('response', resolve).on('error', reject);
  });
}

async function ask(path: string, asked: Asked = {}) {
  const answer = await answerOf(open(path, asked));
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const { statusCode: status, headers } = answer;
  return { status, type: headers['content-type'], bytes: Buffer.concat(chunks) };
}

/** What the tests look at of an object of any kind. */
interface Decoded {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly metadata?: ObjectMeta & ListMeta;
  readonly data?: object;
  readonly items?: readonly Decoded[];
}

function objectIn(bytes: Uint8Array, definition: string): Decoded {
  const { apiVersion, kind, raw } = openEnvelope(bytes);
  const { object } = decodeGoObject(decodeProtobuf(raw, definition), definition);
  return { ...object, apiVersion, kind };
}

/** The messages in a field of a message: upstream's numbers, not our tables. */
function fieldsIn(bytes: Uint8Array, number: number): Uint8Array[] {
  const reader = protobuf.Reader.create(bytes);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === ((number << 3) | 2)) found.push(reader.bytes());
    else reader.skipType(tag & 7);
  }
  return found;
}

/** `metadata = 1` of generated.proto, in PartialObjectMetadata and its list. */
function metadataIn(message: Uint8Array, definition = 'ObjectMeta'): ObjectMeta & ListMeta {
  const [raw = new Uint8Array()] = fieldsIn(message, 1);
  const whole = `${META}${definition}`;
  return decodeGoObject(decodeProtobuf(raw, whole), whole).object as ObjectMeta & ListMeta;
}

/** The objects of the first frames of a watch. */
async function watched(path: string, accept: string, count: number): Promise<Buffer[]> {
  const outgoing = open(path, { accept });
  const answer = await answerOf(outgoing);
  expect(answer.headers['content-type']).toBe(`${PROTOBUF};stream=watch`);
  let left = Buffer.alloc(0);
  const objects: Buffer[] = [];
  for await (const chunk of answer) {
    left = Buffer.concat([left, chunk as Buffer]);
    while (left.length >= 4 && left.length >= 4 + left.readUInt32BE()) {
      const event = left.subarray(4, 4 + left.readUInt32BE());
      left = left.subarray(4 + left.readUInt32BE());
      expect(event.toString('latin1')).toMatch(/^\n[^A-Z](ADDED|BOOKMARK)/);
      objects.push(event.subarray(event.indexOf('k8s\0')));
    }
    if (objects.length >= count) break;
  }
  outgoing.destroy();
  return objects;
}

describe('an answer in protobuf', () => {
  test('is an object', async () => {
    const { status, type, bytes } = await ask(`${CONFIG_MAPS}/a`);
    expect([status, type]).toEqual([200, PROTOBUF]);
    const object = objectIn(bytes, `${CORE}ConfigMap`);
    expect(object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', data: { key: 'größe' } });
    const json = JSON.parse(
      (await ask(`${CONFIG_MAPS}/a`, { accept: 'application/json' })).bytes.toString(),
    );
    expect(object).toEqual(json);
  });

  test('is a list', async () => {
    const { type, bytes } = await ask(`${CONFIG_MAPS}?labelSelector=x=y`);
    expect(type).toBe(PROTOBUF);
    const list = objectIn(bytes, `${CORE}ConfigMapList`);
    expect(list).toMatchObject({ kind: 'ConfigMapList', items: [{}, {}] });
    expect(Number(list.metadata?.resourceVersion)).toBeGreaterThan(0);
  });

  test('is what a write answers', async () => {
    const body = { metadata: { name: 'c' } };
    const made = await ask(CONFIG_MAPS, { method: 'POST', body });
    expect([made.status, made.type]).toEqual([201, PROTOBUF]);
    const gone = await ask(`${CONFIG_MAPS}/c`, { method: 'DELETE' });
    expect(objectIn(gone.bytes, `${META}Status`)).toMatchObject({ status: 'Success' });
  });

  test('is an error', async () => {
    const { status, type, bytes } = await ask(`${CONFIG_MAPS}/nope`);
    expect([status, type]).toEqual([404, PROTOBUF]);
    expect(objectIn(bytes, `${META}Status`)).toMatchObject({
      kind: 'Status',
      reason: 'NotFound',
      code: 404,
      message: 'configmaps "nope" not found',
    });
  });

  test('is metadata alone', async () => {
    const accept = `${PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
    const { bytes } = await ask(`${CONFIG_MAPS}/a`, { accept });
    expect(openEnvelope(bytes)).toMatchObject({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
    });
    const { raw } = openEnvelope(bytes);
    expect(metadataIn(raw)).toMatchObject({ name: 'a', labels: { x: 'y' } });
    expect(Buffer.from(raw).includes('größe')).toBe(false);
  });

  test('is the metadata of a list, and of each change of a watch', async () => {
    const list = `${PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`;
    const { status, bytes } = await ask(`${CONFIG_MAPS}?labelSelector=x=y`, { accept: list });
    const { raw, kind } = openEnvelope(bytes);
    expect([status, kind]).toEqual([200, 'PartialObjectMetadataList']);
    const names = fieldsIn(raw, 2).map((item) => metadataIn(item).name);
    expect(names).toEqual(['a', 'b']);
    expect(Number(metadataIn(raw, 'ListMeta').resourceVersion)).toBeGreaterThan(0);

    const one = `${PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
    const initial = 'allowWatchBookmarks=1&sendInitialEvents=1&resourceVersionMatch=NotOlderThan';
    const path = `${CONFIG_MAPS}?watch=1&labelSelector=x=y&resourceVersion=0&${initial}`;
    const bodies = (await watched(path, one, 3)).map((body) => openEnvelope(body));
    const seen = bodies.map((body) => [body.kind, metadataIn(body.raw).name ?? '']);
    expect(seen).toEqual(['a', 'b', ''].map((name) => ['PartialObjectMetadata', name]));
  });

  test('is a watch: frames with their length before them', async () => {
    const path = `${CONFIG_MAPS}?watch=true&fieldSelector=metadata.name=a`;
    const [body] = await watched(path, PROTOBUF, 1);
    const object = objectIn(body ?? Buffer.alloc(0), `${CORE}ConfigMap`);
    expect(object).toMatchObject({ metadata: { name: 'a' } });
  });

  test('there is none of a kind without a message', async () => {
    const names = { plural: 'crontabs', singular: 'crontab', kind: 'CronTab' };
    const schema = { openAPIV3Schema: { type: 'object' } };
    const version = { name: 'v1', served: true, storage: true, schema };
    const body = {
      metadata: { name: 'crontabs.stable.example.com' },
      spec: { group: 'stable.example.com', scope: 'Namespaced', names, versions: [version] },
    };
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    expect((await ask(definitions, { method: 'POST', body })).status).toBe(201);
    const path = '/apis/stable.example.com/v1/namespaces/default/crontabs';
    const refused = async () => expect((await ask(path)).status).toBe(406);
    await vi.waitFor(refused);
    const accept = `${PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`;
    expect((await ask(path, { accept })).status).toBe(200);
  });
});

describe('negotiate()', () => {
  const hasProtobuf = () => true;
  test.each([
    { accept: undefined, want: 'json object' },
    { accept: '', want: 'json object' },
    { accept: '*/*', want: 'json object' },
    { accept: 'application/yaml', want: 'yaml object' },
    { accept: PROTOBUF, want: 'protobuf object' },
    { accept: `${PROTOBUF}, application/json`, want: 'json object' },
    { accept: `${PROTOBUF}, */*`, want: 'json object' },
    { accept: `${PROTOBUF};stream=watch`, want: 'protobuf object' },
    { accept: 'application/json;q=0.1, application/yaml;q=0.9', want: 'yaml object' },
    { accept: 'application/json;q=0, application/yaml', want: 'yaml object' },
    { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json', want: 'json table' },
    { accept: `${PROTOBUF};as=Table;v=v1,application/json`, want: 'json object' },
    { accept: `${PROTOBUF};as=PartialObjectMetadata;v=v1`, want: 'protobuf partial' },
    { accept: 'application/json;as=Other, text/html, application/json', want: 'json object' },
  ])('$accept gets $want', ({ accept, want }) => {
    const { encoding, shape } = negotiate(accept, { hasProtobuf });
    expect(`${encoding} ${shape}`).toBe(want);
  });

  test.each(['text/html', 'application/cbor', `${PROTOBUF};as=Table;v=v1`, 'application/json;q=0'])(
    '%s gets 406 and what there is',
    (accept) => {
      expect(() => negotiate(accept, { hasProtobuf })).toThrow(
        'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
      );
    },
  );
});
