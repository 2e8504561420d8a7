// @kube-labs/apiserver: the public names of lab 02, and nothing else.
//
// Three parts live in this lab: the server, the schema of the objects it serves, and the client library with the base
// of every component process. Other labs import them from here only. Lines stay sorted by file.

export type { ApiErrorOptions, ApiErrorReason, GroupKind, GroupResource } from './api-error.ts';
export { ApiError } from './api-error.ts';
