// Settings of the tidy test alone: it reads files and needs no cluster.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { root: import.meta.dirname, include: ['tidy.test.ts'], reporters: ['default'] },
});
