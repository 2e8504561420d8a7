#!/usr/bin/env node
// lab: the learner's command. Here only what must be known before anything else can be loaded: whether Node is new
// enough, and whether the packages are there. Everything else is in ../src/lab/main.ts.
// Rule: syntax and built-ins that an old Node still reads, so that it can be told that it is too old.
const [major, minor] = process.versions.node.split('.').map(Number);

async function start() {
  if (major < 20 || (major === 20 && minor < 19)) {
    return fail(
      `Node ${process.versions.node} is too old: kube-labs needs 20.19 or newer, see https://nodejs.org/en/download`,
    );
  }
  try {
    // From version 24 on Node reads TypeScript as it is, `using` included, and starts sooner than with a loader.
    if (major < 24) (await import('tsx/esm/api')).register();
    const { main } = await import('../src/lab/main.ts');
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!/^ERR_(MODULE_NOT_FOUND|UNSUPPORTED_DIR_IMPORT)$/.test(error.code)) throw error;
    const missing = /Cannot find (?:package|module) '([^']+)'/.exec(error.message);
    return fail(
      `The packages are not complete (${missing === null ? error.message : `${missing[1]} is missing`}): \`npm run lab -- status\` in the folder of kube-labs installs them, as \`npm ci\` does`,
    );
  }
}

function fail(message) {
  console.error(message);
  process.exitCode = 2; // The machine's fault, not the learner's code.
}

void start();
