// A process that fills the file system of the directory that it is given, makes room by removing a file there, and tells its parent.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fillTheDisk } from './disk-full.ts';

const BALLAST_BYTES = 500_000;

const [directory = ''] = process.argv.slice(2);
const ballast = join(directory, 'ballast');
await writeFile(ballast, Buffer.alloc(BALLAST_BYTES));
const makeRoom = () => rm(ballast);
const account = await fillTheDisk({ dataDir: join(directory, 'data'), makeRoom });
process.send?.(account);
process.disconnect();
