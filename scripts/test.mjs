// test: runs everything that CI runs, and closes with one line, `N passed, N failed`.
//
// In this order: the check (types, lint, tidy), the suites of the labs and of the course (through turbo, which runs what changed), the
// proof of the course (each step's tests on each prefix of the reference, never cached here), and the whole-cluster tests, once with one control plane on the store of lab 01 and once with three on a real etcd (never cached: they drive real containers). Each vitest run leaves .vitest/results.json in its
// package; the counts are added up here. A part that fails without a failed test (it crashed, or did not compile) counts as one failure.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, rmSync } from './fs.mjs';

const root = new URL('..', import.meta.url).pathname;
const totals = { passed: 0, failed: 0 };
/** What failed, told again before the last line: the output above it is long. */
const failures = [];

function run(title, command, args) {
  console.log(`\n── ${title}`);
  const started = Date.now();
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  console.log(
    `── ${title}: ${status === 0 ? 'passed' : 'FAILED'} in ${Math.round((Date.now() - started) / 1000)} s`,
  );
  return status === 0;
}

function count(files) {
  let failed = 0;
  for (const file of files) {
    if (!existsSync(file)) continue;
    const results = JSON.parse(readFileSync(file, 'utf8'));
    totals.passed += results.numPassedTests;
    failed += results.numFailedTests;
    const emptySuites = results.testResults.filter(
      (suite) => suite.status === 'failed' && suite.assertionResults.length === 0,
    );
    failed += emptySuites.length;
    failures.push(...emptySuites.map((suite) => told(suite.name, '', [suite.message])));
    for (const { name, assertionResults } of results.testResults)
      for (const test of assertionResults)
        if (test.status === 'failed')
          failures.push(told(name, test.fullName, test.failureMessages));
  }
  totals.failed += failed;
  return failed;
}

/** One failure: where it is, and the first lines of what it says. */
function told(file, test, messages) {
  const said = messages.join('\n').split('\n').slice(0, 12);
  return [`✗ ${file.replace(root, '')} ${test}`, ...said].join('\n    ');
}

function part(title, command, args, files) {
  for (const file of files()) rmSync(file, { force: true });
  const passed = run(title, command, args);
  if (count(files()) > 0 || passed) return;
  totals.failed += 1;
  failures.push(`✗ ${title}: it failed without a failed test; see what it printed`);
}

const suiteResults = () => [
  ...globSync(root, 'labs', '.vitest/results.json'),
  `${root}docs/.vitest/results.json`,
];
const clusterResults = (store) => [`${root}test/.vitest/results-${store}.json`];

part('check: types, lint, tidy', 'npm', ['run', '--silent', 'check'], () => []);
// One lab after another: each uses the cores itself, and some of its tests measure patience.
const turbo = ['turbo', 'run', 'test', '--continue', '--concurrency=1'];
part('labs and course', 'npx', [...turbo, '--filter=./labs/*', '--filter=./docs'], suiteResults);
const proofs = 'docs/.vitest/verify.json';
const verify = ['docs/bin/lab.mjs', 'course', 'verify', '--no-cache', '--results', proofs];
part('course verify', 'node', verify, () => [`${root}${proofs}`]);
for (const store of ['store', 'etcd']) {
  process.env.KUBE_LABS_STORE = store;
  part(`whole cluster, store ${store}`, 'npm', ['test', '--silent', '-w', 'test'], () =>
    clusterResults(store),
  );
}

if (failures.length > 0) console.log(`\n── what failed\n\n${failures.join('\n\n')}`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
