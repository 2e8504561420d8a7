// Step 7, the log and recovery: on real files in a temporary directory, with a disk that can be slow, full, or broken.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import type { Entry } from '#src/journal.ts';
import { openStore } from '#src/open-store.ts';
import { scanRecord } from '#src/record.ts';
import { eventually } from '../support/eventually.ts';
import { bytes, temporaryDirectory, text } from '../support/store-helpers.ts';
import {
  commitOf,
  openedFiles,
  openWal,
  readLog,
  recordOf,
  recordsOf,
  recovered,
  WatchedDisk,
  writeLog,
} from './support/log-files.ts';

const HEXDUMP = 'hexdump -C /tmp/mine/wal-1.log | head';
const STRACE = 'strace -f -e trace=pwrite64,fdatasync npx tsx work/01-store/try.ts';

/** What recovery reads at once. */
const READ_BYTES = 8 * 1024 * 1024;

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
    event('20 bytes that are no record at all, and whose length would be 4 GB');
    expect(scanRecord(Buffer.alloc(20, 0xff), 0, 0).kind).toBe('broken');
    figure('bits changed', record.length * 8);
  },
);

lesson(
  'Nobody hears “durable” before the sync is done, and then they hear it in the order of their writes',
  {
    invariant: 2,
    byHand: STRACE,
    symbols: ['src/wal.ts#Wal.#write', 'src/wal.ts#Wal.#run'],
  },
  async ({ event, signal }) => {
    await using directory = await temporaryDirectory();
    const disk = new WatchedDisk();
    const { wal, append, settled } = await openWal(directory.path, { disk, signal });
    disk.did.length = 0;
    event('append a');
    await append('a', commitOf(2, 'a'));
    expect([...disk.did]).toEqual(['write', 'sync begins', 'sync is done', 'durable a']);
    event('append b, c and d in one turn');
    const entries = [commitOf(3, 'b'), commitOf(4, 'c'), commitOf(5, 'd')];
    await Promise.all(entries.map((entry, i) => append('bcd'.charAt(i), entry)));
    expect(settled).toEqual(['durable a', 'durable b', 'durable c', 'durable d']);
    event('close(): the file begins with record 0, with a');
    await wal.close();
    expect(recordsOf(await readLog(directory.path))[0]).toBe(
      recordsOf(recordOf(0, commitOf(2, 'a')))[0],
    );
  },
);

lesson(
  'Whenever somebody appends, somebody writes it: also in the moment in which the log comes to rest',
  {
    invariant: 3,
    byHand: 'for i in $(seq 20); do npx tsx work/01-store/try.ts; done',
    symbols: ['src/wal.ts#Wal.#run'],
  },
  async ({ event, signal }) => {
    await using directory = await temporaryDirectory();
    const { wal, append, settled } = await openWal(directory.path, {
      disk: new WatchedDisk(),
      signal,
    });
    const waits = ['0 steps', '1 step', ...Array.from({ length: 8 }, (_, i) => `${i + 2} steps`)];
    for (const [steps, name] of waits.entries()) {
      await append(`before ${name}`, commitOf(2, 'a'));
      event(`an append, ${name} of the microtask queue after the one before was durable`);
      for (let i = 0; i < steps; i++) await undefined;
      await append(name, commitOf(3, 'b'));
    }
    event('an append in the next turn');
    await nextTurn();
    await append('next turn', commitOf(4, 'c'));
    expect(settled).toHaveLength(2 * waits.length + 1);
    await wal.close();
  },
);

lesson(
  'All writes of a turn, and all that come while a sync runs, share one write and one sync',
  {
    invariant: 3,
    byHand: STRACE,
    symbols: ['src/wal.ts#Wal.#run', 'src/wal.ts#Wal.#write'],
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
    const done = () => ({ writes: disk.writes - writes, syncs: disk.syncs - syncs });
    const entriesFrom = (from: number) =>
      Array.from({ length: 100 }, (_, i) => commitOf(from + i, 'a'));
    const [first, second] = [entriesFrom(2), entriesFrom(102)];
    const many = (entries: readonly Entry[], from: number) =>
      entries.map((entry, i) => append(`${from + i}`, entry));
    event('100 appends in one turn');
    const appended = many(first, 2);
    await eventually(() => expect(disk.writes).toBe(writes + 1), 4000);
    event('100 more while the sync of the first runs');
    appended.push(...many(second, 102));
    release();
    await Promise.all(appended);
    expect(done()).toEqual({ writes: 2, syncs: 2 });
    expect(settled).toEqual(Array.from({ length: 200 }, (_, i) => `durable ${i + 2}`));
    event('an append without entries, while nothing is on its way');
    await append('nothing');
    expect(done()).toEqual({ writes: 2, syncs: 2 });
    event('one more with an entry; then close(): the file holds records 0, 1 and 2');
    await append('last', commitOf(202, 'a'));
    await wal.close();
    expect(recordsOf(await readLog(directory.path))).toEqual(
      recordsOf(
        Buffer.concat([
          recordOf(0, ...first),
          recordOf(1, ...second),
          recordOf(2, commitOf(202, 'a')),
        ]),
      ),
    );
    figure('appends a sync', 100);
  },
);

lesson(
  'A log that has become long goes on in a new file, and whoever asked for a snapshot gets it',
  {
    invariant: 2,
    byHand: 'etcdctl compaction --physical REV; ls /tmp/store',
    symbols: ['src/wal.ts#Wal.#run', 'src/wal.ts#Wal.#write'],
  },
  async ({ event, figure, signal }) => {
    await using directory = await temporaryDirectory();
    const snapshots: number[] = [];
    const record = recordOf(0, commitOf(2, 'a'));
    const { wal, append } = await openWal(directory.path, {
      disk: new WatchedDisk(),
      signal,
      snapshotBytes: 3 * record.length,
      snapshot: (segment) => void snapshots.push(segment),
    });
    event('a snapshot is due after three records; append five, one after the other');
    const before: number[][] = [];
    for (let i = 0; i < 5; i++) {
      await append(`${i}`, commitOf(i + 2, 'a'));
      await nextTurn();
      before.push([...snapshots]);
    }
    await eventually(() => expect({ snapshots }).toEqual({ snapshots: [2] }), 4000);
    expect({ 'after two records': before[1] }).toEqual({ 'after two records': [] });
    event('checkpoint(): a snapshot at once');
    const checkpoint = wal.checkpoint().then(() => 'it is there');
    const ended = once(signal, 'abort').then(() => 'the test ended before');
    expect({ checkpoint: await Promise.race([checkpoint, ended]) }).toEqual({
      checkpoint: 'it is there',
    });
    expect({ snapshots }).toEqual({ snapshots: [2, 3] });
    await wal.close();
    figure('files', 3);
  },
);

lesson(
  'What a full disk refuses is taken back, the newest first, and cut off the file; then the log goes on',
  {
    invariant: 5,
    byHand:
      'as root: mount -t tmpfs -o size=1m none /mnt; run try.ts with /mnt/store until the disk is full',
    symbols: ['src/wal.ts#Wal.#run', 'src/wal.ts#Wal.#write'],
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
    const bytesInFile = (await readLog(directory.path)).length;
    expect({ 'bytes in the file': bytesInFile }).toEqual({ 'bytes in the file': size });
    // d is refused with the others: nobody tries to write it.
    expect({ 'writes that were tried': disk.writes - writes }).toEqual({
      'writes that were tried': 1,
    });
    event('there is room again; append e');
    disk.freeBytes = Number.POSITIVE_INFINITY;
    await append('e', commitOf(3, 'e'));
    expect(settled.at(-1)).toBe('durable e');
    await wal.close();
    event('the file holds record 0 with a, and record 1 with e');
    const records = [recordOf(0, commitOf(2, 'a')), recordOf(1, commitOf(3, 'e'))];
    expect(recordsOf(await readLog(directory.path))).toEqual(recordsOf(Buffer.concat(records)));
  },
);

lesson(
  'After a sync that failed nobody knows what is on the disk, so the log takes no more writes',
  {
    invariant: 5,
    byHand: 'dmesg | grep -i "i/o error"',
    symbols: ['src/wal.ts#Wal.#run', 'src/wal.ts#Wal.#write'],
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
    byHand: 'truncate -s -1 /tmp/mine/wal-1.log; start the store again',
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
    byHand: 'printf X | dd of=/tmp/mine/wal-1.log bs=1 seek=20 conv=notrunc; start the store again',
    symbols: ['src/recovery.ts#readRecords'],
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
  'A log of many megabytes is read piece by piece; a record may lie across two pieces, or be longer than one',
  {
    invariant: 2,
    byHand: 'ls -l /tmp/mine; npx tsx work/01-store/try.ts',
    symbols: ['src/recovery.ts#readRecords'],
  },
  async ({ event, figure }) => {
    await using directory = await temporaryDirectory();
    const longest = READ_BYTES + 1_000_000;
    for (const { about, sizes } of [
      { about: '9 records of 1.3 MB', sizes: Array<number>(9).fill(1_300_000) },
      { about: 'a record longer than a piece, between two small ones', sizes: [9, longest, 9] },
      { about: 'a record longer than a piece at the end', sizes: [9, longest] },
    ]) {
      const log = Buffer.concat(
        sizes.map((size, i) => recordOf(i, commitOf(i + 2, `${i}`, 'x'.repeat(size)))),
      );
      event(`a log of ${log.length} bytes: ${about}`);
      await writeLog(directory.path, log);
      using files = openedFiles();
      const { at, message } = await recovered(directory.path);
      const { length } = log;
      expect({ about, message, ...at }).toEqual({
        about,
        message: '',
        segment: 1,
        bytes: length,
        records: sizes.length,
        logBytes: length,
      });
      const mayRead = Math.max(READ_BYTES, ...sizes.map((size) => size + 1_000));
      expect({ about, 'read at once, at most': Math.max(mayRead, files.largestRead) }).toEqual({
        about,
        'read at once, at most': mayRead,
      });
      figure('megabytes', Math.round(length / 1e6));
    }
  },
);

lesson(
  'The file is closed again, whatever was found in it',
  {
    invariant: 4,
    byHand: 'lsof /tmp/mine/wal-1.log, while the store is open: it has the file open once',
    symbols: ['src/recovery.ts#readRecords'],
  },
  async ({ event }) => {
    await using directory = await temporaryDirectory();
    const [first, second] = [recordOf(0, commitOf(2, 'a')), recordOf(1, commitOf(3, 'b'))];
    for (const { about, log } of [
      { about: 'a log that is whole', log: Buffer.concat([first, second]) },
      { about: 'one with a torn tail', log: Buffer.concat([first, second.subarray(0, -1)]) },
      { about: 'one that is damaged', log: Buffer.concat([flip(first, 20, 0), second]) },
    ]) {
      event(`recover from ${about}`);
      await writeLog(directory.path, log);
      using files = openedFiles();
      await recovered(directory.path);
      expect({ about, 'files left open': files.stillOpen }).toEqual({
        about,
        'files left open': 0,
      });
    }
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
