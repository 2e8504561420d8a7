// Patience: how long vi.waitFor() and vi.waitUntil() wait where a test does not say.
//
// vitest's own second is enough on a quiet machine, and not where another process reads its files from a cold disk. A condition
// that holds ends the wait at once: patience costs time only where a test fails. The one of expect.poll() is in vitest.shared.ts.
import { vi } from 'vitest';

export const PATIENCE_MS = 20_000;

type Options = Parameters<typeof vi.waitFor>[1];

const patient = (options: Options): Options =>
  typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options };

const { waitFor, waitUntil } = vi;
vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));
