// Step 7, the log and recovery: on real files in a temporary directory, with a disk that can be slow, full, or broken.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import { openStore } from '#src/open-store.ts';
import { hasRecordAfter, scanRecord } from '#src/record.ts';
import { eventually } from '../support/eventually.ts';
import { bytes, temporaryDirectory, text } from '../support/store-helpers.ts';
import {
  commitOf,
  openWal,
  readLog,
  recordOf,
  recovered,
  WatchedDisk,
  writeLog,
} from './support/log-files.ts';

const HEXDUMP = 'hexdump -C /tmp/store/wal-1.log | head';

const flip = (data: Buffer, byte: number, bit: number): Buffer => {
  const flipped = Buffer.from(data);
  flipped.writeUInt8(flipped.readUInt8(byte) ^ (1 << bit), byte);
  return flipped;
};

lesson(
  'A record begins with its magic, its length, its number, and a checksum of all that and the payload',
  { invariant: 1, byHand: HEXDUMP, symbols: ['src/record.ts#endRecord'] },
  ({ event }) => {
    event('record 2, with one entry: compact 5');
    const record = recordOf(2, { kind: 'compact', revision: 5 });
    const fields = {
      magic: record.subarray(0, 4).toString('latin1'),
      length: record.subarray(4, 8).toString('hex'),
      number: record.subarray(8, 12).toString('hex'),
      crc32: record.subarray(12, 16).toString('hex'),
      payload: record.subarray(16).toString('hex'),
    };
    expect(fields).toEqual({
      magic: 'KLW1',
      length: '00000009',
      number: '00000002',
      crc32: 'ce3bb0b3',
      payload: '014014000000000000',
    });
  },
);

lesson(
  'scanRecord() finds the record at a place, and of one that is cut it says how far it reaches',
  { invariant: 1, byHand: HEXDUMP, symbols: ['src/record.ts#scanRecord'] },
  ({ event, figure }) => {
    const [first, second] = [recordOf(0, commitOf(2, 'a')), recordOf(1, commitOf(3, 'b'))];
    const log = Buffer.concat([first, second]);
    event('two records, one after the other');
    const found = scanRecord(log, 0, 0);
    expect(found).toEqual({ kind: 'record', payload: first.subarray(16), end: first.length });
    const next = scanRecord(log, first.length, 1);
    expect(next).toEqual({ kind: 'record', payload: second.subarray(16), end: log.length });
    for (let length = 0; length < second.length; length++) {
      event(`the second is cut after ${length} bytes`);
      const cut = log.subarray(0, first.length + length);
      const bytesNeeded = length < 16 ? first.length + 16 : log.length;
      expect({ length, ...scanRecord(cut, first.length, 1) }).toEqual({
        length,
        kind: 'more',
        bytes: bytesNeeded,
      });
    }
    figure('cuts', second.length);
  },
);

lesson(
  'A record with one bit changed is not a record, and neither is one that belongs to another place',
  { invariant: 1, byHand: HEXDUMP, symbols: ['src/record.ts#scanRecord'] },
  ({ event, figure }) => {
    const record = recordOf(1, commitOf(3, 'b'));
    const isLength = (byte: number) => byte >= 4 && byte < 8;
    for (let byte = 0; byte < record.length; byte++) {
      for (let bit = 0; bit < 8; bit++) {
        event(`bit ${bit} of byte ${byte} is changed`);
        const { kind } = scanRecord(flip(record, byte, bit), 0, 1);
        // With another length it may also seem to be cut.
        if (isLength(byte)) expect({ byte, bit, kind }).not.toEqual({ byte, bit, kind: 'record' });
        else expect({ byte, bit, kind }).toEqual({ byte, bit, kind: 'broken' });
      }
    }
    event('record 1 stands where record 0 should be');
    expect(scanRecord(record, 0, 0).kind).toBe('broken');
    figure('bits changed', record.length * 8);
  },
);

lesson(
  'hasRecordAfter() tells damage from a torn tail: a whole record with a higher number follows',
  { invariant: 4, byHand: HEXDUMP, symbols: ['src/record.ts#hasRecordAfter'] },
  ({ event }) => {
    const [old, one, two, five] = [
      recordOf(0, commitOf(2, 'a')),
      // The value looks like the beginning of a record.
      recordOf(1, commitOf(3, 'b', 'KLW1KLW1 and much more than sixteen bytes')),
      recordOf(2, commitOf(4, 'c')),
      recordOf(5, commitOf(7, 'd')),
    ];
    const broken = flip(one, one.length - 1, 0);
    const rows = [
      { about: 'nothing follows', after: [], found: false },
      { about: 'zeros follow', after: [Buffer.alloc(500)], found: false },
      { about: 'record 2 follows', after: [two], found: true },
      { about: 'record 2 follows, after some zeros', after: [Buffer.alloc(40), two], found: true },
      { about: 'only record 5 is whole', after: [flip(two, 20, 0), five], found: true },
      { about: 'record 2 follows, but broken', after: [flip(two, 20, 0)], found: false },
      { about: 'record 2 follows, but cut', after: [two.subarray(0, -1)], found: false },
      { about: 'its header follows, cut', after: [two.subarray(0, 10)], found: false },
      { about: 'an old record 0 follows', after: [old], found: false },
    ];
    for (const { about, after, found } of rows) {
      event(`record 1 is broken, and ${about}`);
      const rest = Buffer.concat([Buffer.from('before'), broken, ...after]);
      const start = 'before'.length;
      expect({ about, found: hasRecordAfter(rest, start, 1) }).toEqual({ about, found });
    }
  },
);

lesson(
  'Nobody hears “durable” before the sync is done, and then they hear it in the order of their writes',
  {
    invariant: 2,
    byHand: 'strace -f -e trace=pwrite64,fdatasync -p PID',
    symbols: ['src/wal.ts#Wal.#run', 'src/wal.ts#Wal.#write'],
  },
  async ({ event, signal }) => {
    await using directory = await temporaryDirectory();
    const disk = new WatchedDisk();
    const { wal, append } = await openWal(directory.path, { disk, signal });
    disk.did.length = 0;
    event('append a, b and c in one turn, then close()');
    const entries = [commitOf(2, 'a'), commitOf(3, 'b'), commitOf(4, 'c')];
    const names = ['a', 'b', 'c'];
    const all = Promise.all(entries.map((entry, i) => append(names[i] ?? '', entry)));
    await Promise.race([all, wal.close().then(() => all)]);
    // A copy: what happens from now on is not the question.
    expect([...disk.did]).toEqual([
      'write',
      'sync begins',
      'sync is done',
      'durable a',
      'durable b',
      'durable c',
    ]);
    event('the file holds record 0, with all three');
    expect((await readLog(directory.path)).toString('hex')).toBe(
      recordOf(0, ...entries).toString('hex'),
    );
  },
);

lesson(
  'All writes of a turn, and all that come while a sync runs, share one write and one sync',
  {
    invariant: 3,
    byHand: 'etcdctl check perf; strace -c -f -e trace=fdatasync -p PID',
    symbols: ['src/wal.ts#Wal.#run'],
  },
  async ({ event, figure, signal }) => {
    await using directory = await temporaryDirectory();
    const disk = new WatchedDisk();
    const { wal, append, settled } = await openWal(directory.path, { disk, signal });
    let release = () => {};
    disk.syncGate = new Promise((resolve) => {
      release = resolve;
    });
    const { writes, syncs } = disk;
    const many = (from: number) =>
      Array.from({ length: 100 }, (_, i) => append(`${from + i}`, commitOf(from + i, 'a')));
    event('100 appends in one turn');
    const first = many(2);
    await eventually(() => expect(disk.writes).toBe(writes + 1), 4000);
    event('100 more while the sync of the first runs');
    const second = many(102);
    release();
    await Promise.all([...first, ...second]);
    expect({ writes: disk.writes - writes, syncs: disk.syncs - syncs }).toEqual({
      writes: 2,
      syncs: 2,
    });
    expect(settled).toEqual(Array.from({ length: 200 }, (_, i) => `durable ${i + 2}`));
    event('an append without entries, while nothing is on its way');
    await append('nothing');
    expect({ writes: disk.writes - writes, syncs: disk.syncs - syncs }).toEqual({
      writes: 2,
      syncs: 2,
    });
    await wal.close();
    figure('appends a sync', 100);
  },
);

lesson(
  'What a full disk refuses is taken back, the newest first, and cut off the file; then the log goes on',
  {
    invariant: 5,
    byHand: 'mount -t tmpfs -o size=1m none /mnt; run the store in it until it is full',
    symbols: ['src/wal.ts#Wal.#refuse'],
  },
  async ({ event, signal }) => {
    await using directory = await temporaryDirectory();
    const disk = new WatchedDisk();
    const { wal, append, settled } = await openWal(directory.path, { disk, signal });
    await append('first', commitOf(2, 'a'));
    const size = (await readLog(directory.path)).length;
    event('20 bytes are free; append b, c, and d while they are being written');
    disk.freeBytes = 20;
    let release = () => {};
    disk.gate = {
      pattern: /wal/,
      opened: new Promise((resolve) => {
        release = resolve;
      }),
    };
    const { writes } = disk;
    const refused = [append('b', commitOf(3, 'b')), append('c', commitOf(4, 'c'))];
    await eventually(() => expect(disk.writes).toBe(writes + 1), 4000);
    refused.push(append('d', commitOf(5, 'd')));
    release();
    await Promise.all(refused);
    expect(settled).toEqual([
      'durable first',
      'failed d: no-space',
      'failed c: no-space',
      'failed b: no-space',
    ]);
    expect((await readLog(directory.path)).length).toBe(size);
    event('there is room again; append e');
    disk.freeBytes = Number.POSITIVE_INFINITY;
    await append('e', commitOf(3, 'e'));
    expect(settled.at(-1)).toBe('durable e');
    await wal.close();
    event('the file holds record 0 with a, and record 1 with e');
    const records = [recordOf(0, commitOf(2, 'a')), recordOf(1, commitOf(3, 'e'))];
    expect((await readLog(directory.path)).toString('hex')).toBe(
      Buffer.concat(records).toString('hex'),
    );
  },
);

lesson(
  'After a sync that failed nobody knows what is on the disk, so the log takes no more writes',
  {
    invariant: 5,
    byHand: 'dmesg | grep -i "i/o error"',
    symbols: ['src/wal.ts#Wal.#refuse'],
  },
  async ({ event, signal }) => {
    for (const { about, fault } of [
      { about: 'the sync fails', fault: { syncError: 'EIO' } },
      {
        about: 'the disk is full, and cannot even cut',
        fault: { freeBytes: 5, truncateError: 'EIO' },
      },
    ]) {
      await using directory = await temporaryDirectory();
      const disk = new WatchedDisk();
      const { wal, append, settled } = await openWal(directory.path, { disk, signal });
      await append('a', commitOf(2, 'a'));
      event(`${about}; append b`);
      Object.assign(disk, fault);
      await append('b', commitOf(3, 'b'));
      event('the disk is well again; append c');
      Object.assign(disk, { syncError: undefined, truncateError: undefined, freeBytes: 1e9 });
      const { writes } = disk;
      await append('c', commitOf(3, 'c'));
      expect({ about, settled, writes: disk.writes - writes }).toEqual({
        about,
        settled: ['durable a', 'failed b: unavailable', 'failed c: unavailable'],
        writes: 0,
      });
      await wal.close();
    }
  },
);

lesson(
  'A log cut at any byte of its last record comes back as it was before that record, and goes on',
  {
    invariant: 4,
    byHand: 'truncate -s -1 /tmp/store/wal-1.log; start the store again',
    symbols: ['src/recovery.ts#readRecords'],
  },
  async ({ event, figure, signal }) => {
    await using directory = await temporaryDirectory();
    const whole = Buffer.concat([recordOf(0, commitOf(2, 'a')), recordOf(1, commitOf(3, 'b'))]);
    const last = recordOf(2, commitOf(4, 'c'), commitOf(5, 'd'));
    for (let kept = 0; kept < last.length; kept++) {
      event(`the last record is cut after ${kept} of ${last.length} bytes`);
      await writeLog(directory.path, Buffer.concat([whole, last.subarray(0, kept)]));
      const { lines, at } = await recovered(directory.path);
      expect({ kept, lines, at }).toEqual({
        kept,
        lines: ['a=value of a 2/2/1', 'b=value of b 3/3/1'],
        at: { segment: 1, bytes: whole.length, records: 2, logBytes: whole.length },
      });
    }
    event('the last record was only written in part, the rest is zeros');
    const zeros = Buffer.alloc(last.length - 30);
    await writeLog(directory.path, Buffer.concat([whole, last.subarray(0, 30), zeros]));
    const { at } = await recovered(directory.path);
    expect(at?.bytes).toBe(whole.length);
    event('the log goes on after the cut');
    const { wal, append } = await openWal(directory.path, {
      disk: new WatchedDisk(),
      signal,
      ...(at === undefined ? {} : { at }),
    });
    await append('e', commitOf(4, 'e'));
    await wal.close();
    expect((await recovered(directory.path)).lines).toEqual([
      'a=value of a 2/2/1',
      'b=value of b 3/3/1',
      'e=value of e 4/4/1',
    ]);
    event('the whole log');
    await writeLog(directory.path, Buffer.concat([whole, last]));
    expect((await recovered(directory.path)).lines).toHaveLength(4);
    figure('cuts', last.length + 1);
  },
);

lesson(
  'A record that is broken in the middle of the log is damage: the store names it and does not open',
  {
    invariant: 4,
    byHand:
      'printf X | dd of=/tmp/store/wal-1.log bs=1 seek=20 conv=notrunc; start the store again',
    symbols: ['src/recovery.ts#readRecords', 'src/record.ts#hasRecordAfter'],
  },
  async ({ event, figure }) => {
    await using directory = await temporaryDirectory();
    const records = [
      recordOf(0, commitOf(2, 'a')),
      recordOf(1, commitOf(3, 'b')),
      recordOf(2, commitOf(4, 'c')),
    ];
    const middle = records[1] ?? Buffer.alloc(0);
    for (let byte = 0; byte < middle.length; byte++) {
      event(`one bit of byte ${byte} of record 1 is changed`);
      records[1] = flip(middle, byte, byte % 8);
      await writeLog(directory.path, Buffer.concat(records));
      const { lines, message } = await recovered(directory.path);
      expect({ byte, lines }).toEqual({ byte, lines: 'corrupt' });
      expect(message).toContain('wal-1.log is damaged: record 1 is broken');
    }
    figure('bytes damaged', middle.length);
  },
);

lesson(
  'A log of many megabytes comes back whole, also where a record lies across two reads',
  {
    invariant: 2,
    byHand: 'etcdctl check perf --load=s; restart the server',
    symbols: ['src/recovery.ts#readRecords'],
  },
  async ({ event, figure }) => {
    await using directory = await temporaryDirectory();
    const value = 'x'.repeat(1_300_000);
    const log = Buffer.concat(
      Array.from({ length: 9 }, (_, i) => recordOf(i, commitOf(i + 2, `${i}`, value))),
    );
    event(`a log of ${log.length} bytes, in 9 records`);
    await writeLog(directory.path, log);
    const { at, message } = await recovered(directory.path);
    expect(message).toBe('');
    expect(at).toEqual({ segment: 1, bytes: log.length, records: 9, logBytes: log.length });
    figure('megabytes', Math.round(log.length / 1e6));
  },
);

lesson(
  'A store that is killed with -9 in the middle of its writes has every write that it acknowledged',
  {
    invariant: 2,
    byHand: 'kill -9 PID, in the middle of etcdctl check perf; start it again',
    symbols: ['src/wal.ts#Wal.#run', 'src/recovery.ts#readRecords'],
    timeoutMs: 20_000,
  },
  async ({ event, figure, signal }) => {
    await using directory = await temporaryDirectory();
    event('a process writes 1, 2, 3 … and says each number when it is acknowledged');
    const script = join(import.meta.dirname, 'support/killed-writer.ts');
    const child = spawn(process.execPath, ['--import', 'tsx', script, directory.path], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
      signal,
      killSignal: 'SIGKILL',
    });
    const exited = once(child, 'exit');
    let acknowledged = 0;
    for await (const said of createInterface({ input: child.stdout })) {
      acknowledged = Number(said);
      if (acknowledged === 100) {
        event('kill -9');
        child.kill('SIGKILL');
      }
    }
    await exited;
    expect({ 'how it ended': child.signalCode }).toEqual({ 'how it ended': 'SIGKILL' });
    event('open the store again');
    await using store = await openStore({ dataDir: directory.path });
    const [left, right] = (await store.range({ key: 'left', rangeEnd: 's' })).kvs;
    const found = Number(text(left?.value ?? bytes('0')));
    expect({ right: Number(text(right?.value ?? bytes('0'))) }).toEqual({ right: found });
    // One more may have become durable without its answer coming out.
    expect([acknowledged, acknowledged + 1]).toContain(found);
    figure('acknowledged', acknowledged);
  },
);
