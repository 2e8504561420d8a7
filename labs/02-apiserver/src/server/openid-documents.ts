// openid-documents: sends the documents with which others check this cluster's tokens. They may be kept for an hour.
//
// Same answers upstream: pkg/routes/openidmetadata.go.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { OpenidDocument } from '../auth/openid.ts';
import { send } from './responses.ts';

const MAX_AGE_SECONDS = 3600;

export function sendOpenidDocument(
  request: IncomingMessage,
  response: ServerResponse,
  { body, contentType }: OpenidDocument,
): Promise<void> {
  const headers = { 'cache-control': `public, max-age=${MAX_AGE_SECONDS}` };
  return send(request, response, {
    body: Buffer.from(JSON.stringify(body)),
    contentType,
    headers,
  });
}
