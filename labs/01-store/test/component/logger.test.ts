import { describe, expect, test } from 'vitest';
import { createLogger, messageOf } from '../../src/component/logger.ts';

function capture(verbosity?: number) {
  const lines: string[] = [];
  const log = createLogger('scheduler', {
    ...(verbosity === undefined ? {} : { verbosity }),
    destination: { write: (line) => lines.push(line) },
    now: () => new Date(2015, 10, 9, 1, 2, 3, 45),
  });
  return { lines, log };
}

describe('createLogger()', () => {
  test('writes lines as klog does', () => {
    const { lines, log } = capture();
    log.info('Bound pod', { pod: 'default/web', attempts: 2, ok: true, absent: undefined });
    log.error('Failed', { err: new Error('no "way"') });
    log.child({ node: 'node-1' }).warn('Slow', { ms: 12 });
    expect(lines).toEqual([
      'I1109 01:02:03.045000 scheduler] Bound pod pod="default/web" attempts=2 ok=true\n',
      'E1109 01:02:03.045000 scheduler] Failed err="no \\"way\\""\n',
      'W1109 01:02:03.045000 scheduler] Slow node="node-1" ms=12\n',
    ]);
  });

  test('shows debug lines from -v 4 on', () => {
    const quiet = capture(3);
    quiet.log.debug('hidden');
    expect(quiet.lines).toEqual([]);
    const loud = capture(4);
    loud.log.debug('seen');
    expect(loud.lines).toHaveLength(1);
  });

  test.each([
    ['a line break in the message', 'a\nb', {}],
    ['a line break in a value', 'a', { value: 'x\ny' }],
    ['an object', 'a', { value: { deep: ['x\n'] } }],
    ['a value that JSON does not know', 'a', { value: Symbol('s'), other: () => 1 }],
    ['a very long value', 'a', { value: 'x'.repeat(100_000) }],
  ])('keeps one line a line: %s', (_name, message, fields) => {
    const { lines, log } = capture();
    log.info(message, fields);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1);
    expect(lines[0]?.length).toBeLessThan(5_000);
  });
});

describe('messageOf()', () => {
  test('adds causes that say more', () => {
    const cause = new Error('connect ECONNREFUSED');
    expect(messageOf(new Error('Cannot reach it', { cause }))).toBe(
      'Cannot reach it: connect ECONNREFUSED',
    );
    expect(messageOf(new Error('Cannot: connect ECONNREFUSED', { cause }))).toBe(
      'Cannot: connect ECONNREFUSED',
    );
    expect(messageOf('text')).toBe('text');
    expect(messageOf(new AggregateError([cause]))).toBe('connect ECONNREFUSED');
  });
});
