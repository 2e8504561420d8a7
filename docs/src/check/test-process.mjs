// Test process: what runs in the process of a test file, in place of vitest's own entry for forks.
//
// Translating the sources anew for each of a hundred trees took most of a proof's time, and all but a file of a tree are the
// reference's. So what vitest said of a file is kept under a hash of the file's text and place, and the next process whose
// tree holds the same text at the same place takes it without asking.
// Rules of use
//   - It is plain JavaScript, for nothing is there yet that could translate it.
//   - KUBE_LABS_TRANSLATIONS names the folder. What is in it holds while packages and tsconfig.json stay as they are.
//   - Only what was certainly made from this very text is kept: its source map quotes it. Whatever is in doubt goes to vitest:
//     a file that is not there, an import by name, an error.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { init, runBaseTests, setupEnvironment } from 'vitest/worker';

/** Stands for the folder of the sources in what is shared; no source has it: it means nothing. */
const FOLDER = '\u{E000}';
const MAP = /\/\/# sourceMappingURL=data:application\/json;base64,([A-Za-z0-9+/=]+)\s*$/;

// A test may put others in their place.
const exit = process.exit.bind(process);
const send = process.send.bind(process);
const on = process.on.bind(process);
const off = process.off.bind(process);
const removeAllListeners = process.removeAllListeners.bind(process);

/** When the runner is gone, nobody is left to hear of it. */
function onError(error) {
  if (error?.code === 'ERR_IPC_CHANNEL_CLOSED' || error?.code === 'EPIPE') exit(1);
}

on('error', onError);
init({
  post: (message) => send(message),
  on: (listener) => on('message', listener),
  off: (listener) => off('message', listener),
  teardown: () => {
    removeAllListeners('message');
    off('error', onError);
  },
  setup: setupEnvironment,
  runTests: (state, traces) => run('run', state, traces),
  collectTests: (state, traces) => run('collect', state, traces),
});

async function run(method, state, traces) {
  try {
    await runBaseTests(method, { ...state, rpc: sharing(state) }, traces);
  } finally {
    process.exit = exit;
  }
}

/** The way to vitest, taken only for what no process has asked before. */
function sharing({ rpc, config: { root, env }, ctx: { files } }) {
  const { KUBE_LABS_SRC: srcFolder, KUBE_LABS_TRANSLATIONS: folder } = env;
  const folders = [srcFolder, ...files.map(({ filepath }) => dirname(filepath))];
  // An import without its ending means another file when one comes or goes.
  const names = folders.flatMap(namesIn);
  const around = createHash('sha1')
    .update(JSON.stringify([root, names]))
    .digest('hex');

  async function fetch(url, ...rest) {
    const text = textOf(fileOf(url, root));
    if (text === undefined || text.includes(FOLDER) || text.includes(srcFolder)) {
      return rpc.fetch(url, ...rest);
    }
    const place = url.replace(srcFolder, () => FOLDER);
    const key = createHash('sha1')
      .update(JSON.stringify([around, place, text]))
      .digest('hex');
    const kept = textOf(join(folder, key));
    if (kept !== undefined) return unpack(kept.replaceAll(FOLDER, () => srcFolder));
    const found = await rpc.fetch(url, ...rest);
    const packed = pack(found, text);
    if (packed !== undefined) write(join(folder, key), packed.replaceAll(srcFolder, FOLDER));
    return found;
  }
  return new Proxy(rpc, { get: (target, name) => (name === 'fetch' ? fetch : target[name]) });
}

function namesIn(folder) {
  try {
    return readdirSync(folder, { recursive: true }).sort();
  } catch {
    return []; // Gone: vitest says of each import that it is not there.
  }
}

/** vitest writes a path below the lab as if the lab were the root of the disk, and any other after `/@fs`. */
function fileOf(url, root) {
  if (!url.startsWith('/') || url.includes('?')) return undefined;
  return url.startsWith('/@fs/') ? url.slice('/@fs'.length) : join(root, url);
}

/** Undefined where there is no such file. */
function textOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Undefined for what was not made from this text: it was written to meanwhile. */
function pack(found, text) {
  if (found.externalize !== undefined) return `${JSON.stringify(found)}\n`;
  const { code, ...about } = found;
  const [comment, base64] = MAP.exec(code ?? '') ?? [];
  if (base64 === undefined) return undefined;
  const { file: _, sourcesContent, ...map } = JSON.parse(Buffer.from(base64, 'base64').toString());
  if (sourcesContent?.[0] !== text) return undefined;
  const shorter = Buffer.from(JSON.stringify(map)).toString('base64');
  return `${JSON.stringify(about)}\n${code.replace(comment, comment.replace(base64, shorter))}`;
}

function unpack(kept) {
  const end = kept.indexOf('\n');
  const about = JSON.parse(kept.slice(0, end));
  return about.externalize === undefined ? { ...about, code: kept.slice(end + 1) } : about;
}

/** All at once, for others read it, and a process may be ended at any time. */
function write(file, text) {
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, text);
  renameSync(unfinished, file);
}
