// identity-reviews: who somebody is, as objects of the API, which are answered and not stored.
//
//   TokenReview         whose token is this? For servers that get a token and must know, and for kubelets.
//   SelfSubjectReview   who am I? kubectl auth whoami
//
// A token that is no good is an answer, not an error: `authenticated` is not there, and `error` says why in upstream's words. The audit log
// never hears of the bodies, since the question is a token.
//
// Same rule upstream: pkg/registry/authentication/{tokenreview,selfsubjectreview}.

import type { SelfSubjectReview, TokenReview, UserInfo } from 'kubernetes-types/authentication/v1';
import { badRequest, internalError } from '../api-error.ts';
import type { Authentication, TokenAuthenticator } from '../auth/authenticator.ts';
import { type User, withAuthenticatedGroup } from '../auth/user.ts';
import { formatTime } from '../registry/api-object.ts';
import type { HandlerEnv, ResourceHandler } from './handler.ts';
import type { RequestContext } from './request-context.ts';
import { bodyOf, fieldValidationOf, negotiated } from './request-context.ts';
import { send } from './responses.ts';

const INVALID = 'invalid bearer token';

export const tokenReviews: ResourceHandler = (context, env) =>
  answer<TokenReview>(context, async (review) => {
    const { tokenAuthenticator, tokenIssuer } = env;
    return reviewToken(review, tokenAuthenticator, tokenIssuer?.audiences ?? []);
  });

export const selfSubjectReviews: ResourceHandler = (context: RequestContext, _env: HandlerEnv) =>
  answer<SelfSubjectReview>(context, (review) =>
    Promise.resolve({
      ...review,
      metadata: { creationTimestamp: formatTime(context.now()) },
      status: { userInfo: userInfoOf(context.user) },
    }),
  );

/** `own`: what tokens for this server are for. */
export async function reviewToken(
  review: TokenReview,
  authenticator: TokenAuthenticator | undefined,
  own: readonly string[],
): Promise<TokenReview> {
  const { token = '', audiences: asked = [] } = review.spec ?? {};
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  if (authenticator === undefined) return review;
  const wanted = asked.length === 0 ? own : asked;
  const found = await authenticator.authenticateToken(token, wanted);
  if (found.kind !== 'user') {
    return { ...review, status: { user: {}, error: errorText(found) } };
  }
  const { user, audiences = [] } = found;
  if (wanted.length > 0 && !audiences.some((audience) => wanted.includes(audience))) {
    throw internalError(new Error('error validating audiences'));
  }
  return {
    ...review,
    status: {
      authenticated: true,
      user: userInfoOf(withAuthenticatedGroup(user)),
      audiences: [...audiences],
    },
  };
}

/** As upstream, whose chain of authenticators also has one that knows no token but its own. */
function errorText(found: Exclude<Authentication, { kind: 'user' }>): string {
  return found.kind === 'none' || found.why === INVALID ? INVALID : `[${INVALID}, ${found.why}]`;
}

function userInfoOf({ name, uid, groups, extra = {} }: User): UserInfo {
  const copied: Record<string, string[]> = {};
  for (const [key, values] of Object.entries(extra)) copied[key] = [...values];
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups: [...groups] }),
    ...(Object.keys(copied).length === 0 ? {} : { extra: copied }),
  };
}

async function answer<T extends object>(
  context: RequestContext,
  review: (object: T) => Promise<T>,
): Promise<void> {
  const { request, response, served } = context;
  const { kind } = served.definition;
  const { bytes, contentType } = await bodyOf(context);
  const { object, warnings } = served.codec.decode(bytes, contentType, fieldValidationOf(context));
  const reviewed = await review(object as T);
  const body = { ...reviewed, kind, apiVersion: served.apiVersion };
  const { encoding } = negotiated(context);
  await send(request, response, { status: 201, body, encoding, warnings });
}
