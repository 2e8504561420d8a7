// Class client: the learner's side of a class. Joining is a choice; a class that does not answer never holds up a check.
//
// What travels is in classroom.ts. Every call ends after TIMEOUT_MS; KUBE_LABS_PATIENCE says how many times as long where tests run.
import { LabError } from '../lab/lab-error.ts';
import type { Progress } from './classroom.ts';

const TIMEOUT_MS = 2_000;

/** What a learner's machine remembers of a class. The token proves who it is, so it is nobody else's business. */
export interface Membership {
  readonly url: string;
  readonly id: string;
  readonly token: string;
  readonly name: string;
}

/** Throws with a sentence: what the class said, or that nobody answers there. */
export async function joinClass(url: string, code: string, name: string): Promise<Membership> {
  const base = baseOf(url);
  const { id, token } = await post(base, 'join', { code, name });
  if (typeof id !== 'string' || typeof token !== 'string') {
    throw new LabError(
      `Cannot join the class at ${base}: something else than a class answers there`,
    );
  }
  return { url: base, id, token, name };
}

export async function leaveClass(member: Membership): Promise<void> {
  await post(member.url, 'leave', {}, member.token);
}

export async function sendProgress(member: Membership, progress: Progress): Promise<void> {
  await post(member.url, 'progress', progress, member.token);
}

/** A hand that is up stands first on the board; it goes down when the step is passed. */
export async function raiseHand(member: Membership, up: boolean): Promise<void> {
  await post(member.url, 'hand', { up }, member.token);
}

async function post(
  base: string,
  verb: string,
  body: object,
  token?: string,
): Promise<Record<string, unknown>> {
  let response: Response;
  try {
    response = await fetch(`${base}/v1/${verb}`, {
      method: 'POST',
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS * Number(process.env.KUBE_LABS_PATIENCE ?? 1)),
    });
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    throw new LabError(`The class at ${base} does not answer (${cause?.message ?? message})`);
  }
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return answer;
  throw new LabError(String(answer.message ?? `The class at ${base} answered ${response.status}`));
}

function baseOf(url: string): string {
  const text = /^https?:\/\//.test(url) ? url : `http://${url}`;
  if (!URL.canParse(text)) {
    throw new LabError(
      `Cannot join ${JSON.stringify(url)}: a class has an address like http://192.168.1.5:7070`,
    );
  }
  return new URL(text).origin;
}
