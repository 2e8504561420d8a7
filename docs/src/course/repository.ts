// Repository: where the course lies, and the folder for what is made and thrown away.
import { join } from 'node:path';

/** The course proves and serves the checkout that it is part of. */
export const repositoryRoot = join(import.meta.dirname, '../../..');

/** Git ignores it, and packages resolve from there as they do from a lab. */
export const cacheFolder = join(repositoryRoot, '.kube-labs/cache/course');
