// join, leave, ask: the learner's side of a class. Opt-in: before `join` nothing leaves the machine, after `leave` nothing does.
//
// A raised hand is only a hand: the teacher comes and hears the question.
import { joinClass, leaveClass, type Membership, raiseHand } from '../../teach/class-client.ts';
import { tellStep } from '../class-board.ts';
import { type Context, labsOf } from '../context.ts';
import { LabError } from '../lab-error.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export interface JoinFlags {
  readonly name: string;
}

export interface AskFlags {
  readonly done?: boolean;
}

export async function join(
  context: Context,
  [url = '', code = '']: readonly (string | undefined)[],
  { name }: JoinFlags & CommonFlags,
): Promise<Ended> {
  const before = context.state.read().class;
  if (before !== undefined) {
    throw new LabError(
      `You are in the class at ${before.url} as ${before.name}: npx lab leave, then join another`,
    );
  }
  const member = await said(joinClass(url, code, name));
  const state = context.state.update((each) => {
    each.class = member;
  });
  const lab = labsOf(context).find(({ id }) => id === state.current);
  const step = lab?.steps.find(({ id }) => id === state.labs[lab.id]?.step);
  if (lab !== undefined && step !== undefined) await tellStep(context, lab, step);
  context.say(
    `You are in the class at ${member.url} as ${member.name}. With every check travel: your name, the step, the time, and which tests fail. No code.\n\n  npx lab ask    raise your hand\n  npx lab leave  leave, and be forgotten there`,
  );
  return 0;
}

export async function leave(context: Context): Promise<Ended> {
  const member = membership(context);
  context.state.update((state) => {
    delete state.class;
  });
  try {
    await leaveClass(member);
    context.say(`You have left the class at ${member.url}; it has forgotten you.`);
  } catch (error) {
    context.say(
      `You have left the class: nothing is sent any more. It still has your name, for it could not be told (${(error as Error).message}); ask the teacher to remove it.`,
    );
  }
  return 0;
}

export async function ask(
  context: Context,
  { done = false }: AskFlags & CommonFlags,
): Promise<Ended> {
  const member = membership(context);
  await said(raiseHand(member, !done));
  if (done) context.print('Your hand is down.');
  else {
    context.say(
      `Your hand is up on the board of ${member.url}.\n\n  npx lab ask --done   when it is answered; a pass takes the hand down too`,
    );
  }
  return 0;
}

function membership(context: Context): Membership {
  const member = context.state.read().class;
  if (member !== undefined) return member;
  throw new LabError(
    'You are in no class. A teacher who runs one gives you a command like: npx lab join http://192.168.1.5:7070 CODE --name Ada',
  );
}

/** The class says what is wrong in a sentence; when nobody answers, it is the network's fault. */
async function said<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const { message } = error as Error;
    throw new LabError(message, /does not answer/.test(message) ? 2 : 1);
  }
}
