// fs: the few file helpers of the scripts, in what Node 20 has (its fs.globSync comes with 22).
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export { existsSync, readFileSync, rmSync };

/** Paths `root/folder/<each entry>/file`, whether the file exists or not. */
export function globSync(root, folder, file) {
  return readdirSync(join(root, folder)).map((entry) => join(root, folder, entry, file));
}
