// What a list or a watch may ask for, and upstream's words for what it may not.
import { describe, expect, test } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { listRequestOf, watchRequestOf } from '#src/server/list-options.ts';

const query = (text: string) => new URLSearchParams(text);
const INVALID = 'ListOptions.meta.k8s.io "" is invalid: ';

function refusal(act: () => unknown): { code: number; message: string } {
  try {
    act();
  } catch (error) {
    if (ApiError.is(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('it was not refused');
}

describe('listRequestOf()', () => {
  test.each([
    { text: '', want: { limit: 0 } },
    { text: 'limit=5', want: { limit: 5 } },
    { text: 'limit=-1', want: { limit: -1 } },
    { text: 'resourceVersion=0', want: { limit: 0, resourceVersion: 0 } },
    {
      text: 'resourceVersion=7&resourceVersionMatch=Exact',
      want: { limit: 0, resourceVersion: 7, match: 'Exact' },
    },
    {
      text: 'resourceVersion=0&resourceVersionMatch=NotOlderThan&limit=2',
      want: { limit: 2, resourceVersion: 0, match: 'NotOlderThan' },
    },
    { text: 'continue=abc&limit=2', want: { limit: 2, continue: 'abc' } },
    { text: 'continue=abc&resourceVersion=0', want: { limit: 0, continue: 'abc' } },
  ])('$text', ({ text, want }) => {
    expect(listRequestOf(query(text))).toEqual(want);
  });

  test.each([
    {
      text: 'timeoutSeconds=soon',
      code: 400,
      why: 'strconv.ParseInt: parsing "soon": invalid syntax',
    },
    {
      text: 'resourceVersionMatch=Exact',
      code: 422,
      why: 'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    },
    {
      text: 'resourceVersionMatch=Newest&resourceVersion=5',
      code: 422,
      why: 'resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""',
    },
    {
      text: 'resourceVersionMatch=Exact&resourceVersion=0',
      code: 422,
      why: 'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    },
    {
      text: 'resourceVersionMatch=Exact&resourceVersion=5&continue=x',
      code: 422,
      why: 'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
    },
    {
      text: 'sendInitialEvents=true',
      code: 422,
      why: 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
    },
    {
      text: 'continue=x&resourceVersion=5',
      code: 400,
      why: 'specifying resource version is not allowed when using continue',
    },
    {
      text: 'resourceVersion=abc',
      code: 400,
      why: 'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
    },
    { text: 'resourceVersion=-1', code: 400, why: 'parsing "-1": invalid syntax' },
    { text: 'resourceVersion=99999999999999999999999', code: 400, why: 'value out of range' },
    { text: 'limit=many', code: 400, why: 'strconv.ParseInt: parsing "many": invalid syntax' },
  ])('$text is $code', ({ text, code, why }) => {
    const refused = refusal(() => listRequestOf(query(text)));
    expect(refused).toEqual({ code, message: expect.stringContaining(why) });
    if (code === 422) expect(refused.message).toBe(INVALID + why);
  });
});

describe('watchRequestOf()', () => {
  const plain = {
    resourceVersion: undefined,
    sendInitial: true,
    marksInitialEnd: false,
    bookmarks: false,
    timeoutSeconds: undefined,
  };
  test.each([
    { text: '', want: plain },
    { text: 'resourceVersion=0', want: { ...plain, resourceVersion: 0 } },
    { text: 'resourceVersion=5', want: { ...plain, resourceVersion: 5, sendInitial: false } },
    {
      text: 'allowWatchBookmarks=1&timeoutSeconds=9',
      want: { ...plain, bookmarks: true, timeoutSeconds: 9 },
    },
    {
      text: 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
      want: { ...plain, bookmarks: true, marksInitialEnd: true },
    },
    {
      text: 'sendInitialEvents=false&resourceVersionMatch=NotOlderThan',
      want: { ...plain, sendInitial: false },
    },
  ])('$text', ({ text, want }) => {
    expect(watchRequestOf(query(text))).toEqual(want);
  });

  test.each([
    {
      text: 'sendInitialEvents=true',
      why: 'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    },
    {
      text: 'resourceVersionMatch=NotOlderThan',
      why: 'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    },
    {
      text: 'sendInitialEvents=true&resourceVersionMatch=Exact',
      why: '[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
    },
    {
      text: 'resourceVersion=abc',
      why: 'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
    },
  ])('$text is 422', ({ text, why }) => {
    expect(refusal(() => watchRequestOf(query(text)))).toEqual({
      code: 422,
      message: INVALID + why,
    });
  });
});
