// The kubelet's flags: each is explained, and one that makes no sense is told of in a sentence.

import { expect, onTestFinished, test, vi } from 'vitest';
import { parseKubeletFlags } from '#src/options.ts';

/** What a person sees, and the exit code. */
function parse(...flags: readonly string[]): { code: unknown; text: string } {
  const written: string[] = [];
  const note = (text: unknown) => written.push(String(text)) > 0;
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(note),
    vi.spyOn(process.stderr, 'write').mockImplementation(note),
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit ${code}`);
    }),
  ];
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
  try {
    parseKubeletFlags(flags);
    return { code: undefined, text: written.join('') };
  } catch (error) {
    return { code: String(error), text: written.join('') };
  }
}

test('--help explains every flag', () => {
  const { code, text } = parse('--help');
  expect(code).toBe('Error: exit 0');
  // A long flag has its explanation on the next line.
  const flags = text.split(/\n {2}(?=-)/).slice(1);
  expect(flags.length).toBeGreaterThan(40);
  const explained = /^(-\w, )?--[\w-]+( [<[][\w.…= ]+[>\]])?\s{2,}\S/;
  expect(flags.filter((flag) => !explained.test(flag))).toEqual([]);
});

const range = (flag: string, got: string) =>
  `error: option '${flag}' argument '${got}' is invalid. `;

test.each<readonly [flag: string, text: string]>([
  ['', "error: required option '--kubeconfig <file>' not specified"],
  ['--colour=red', "error: unknown option '--colour=red'"],
  ['--kubeconfig', "error: option '--kubeconfig <file>' argument missing"],
  [
    '--pod-cidr=10.0.0.0',
    `${range('--pod-cidr <range>', '10.0.0.0')}want a range such as 10.244.1.0/24, got 10.0.0.0.`,
  ],
  [
    '--pod-cidr=10.0.0.0/33',
    `${range('--pod-cidr <range>', '10.0.0.0/33')}want a range such as 10.244.1.0/24, got 10.0.0.0/33.`,
  ],
  [
    '--file-check-frequency=often',
    `${range('--file-check-frequency <time>', 'often')}want a duration such as 10s, got often.`,
  ],
  [
    '--file-check-frequency=-1s',
    `${range('--file-check-frequency <time>', '-1s')}want a duration such as 10s, got -1s.`,
  ],
  [
    '--node-status-update-frequency=',
    `${range('--node-status-update-frequency <time>', '')}want a duration such as 10s, got .`,
  ],
  ['--max-pods=-1', `${range('--max-pods <n>', '-1')}want a whole number, got -1.`],
  ['--max-pods=', `${range('--max-pods <n>', '')}want a whole number, got .`],
  ['--max-pods=many', `${range('--max-pods <n>', 'many')}want a whole number, got many.`],
  [
    '--max-parallel-image-pulls=2',
    'error: --max-parallel-image-pulls 2 cannot be larger than 1 unless --serialize-image-pulls is false.',
  ],
  [
    '--image-gc-high-threshold=70',
    'error: --image-gc-low-threshold 80 cannot be higher than --image-gc-high-threshold 70.',
  ],
  ['--v=loud', `${range('-v, --v <level>', 'loud')}want a whole number, got loud.`],
])('%s is refused in a sentence', (flag, text) => {
  const needed = flag === '' || flag === '--kubeconfig' ? [] : ['--kubeconfig=x'];
  const told = parse(...needed, ...(flag === '' ? [] : [flag]));
  expect(told).toEqual({ code: 'Error: exit 1', text: `${text}\n` });
});
