import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Nothing from elsewhere, nothing inline, in no frame; nothing is kept by the browser. */
const HEADERS: OutgoingHttpHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  // Not `no-referrer`: forms would then not say where they come from.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
};

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  events: 'text/event-stream; charset=utf-8',
} as const;

/** One whole answer. */
export interface Reply {
  status: number;
  type: keyof typeof TYPES;
  body: string;
  headers?: OutgoingHttpHeaders;
}

export function sendReply(response: ServerResponse, reply: Reply): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(reply.body);
  response.writeHead(reply.status, {
    ...HEADERS,
    'content-type': TYPES[reply.type],
    'content-length': body.length,
    ...reply.headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** Begins an endless answer of events (server-sent events). */
export function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { ...HEADERS, 'content-type': TYPES.events });
}

/** A value as JSON. */
export function jsonReply(value: unknown, status = 200): Reply {
  return { status, type: 'json', body: JSON.stringify(value) };
}

/** A failure as JSON: `{"error": {"code", "message"}}`. */
export function errorReply(status: number, code: string, message: string, hint?: string): Reply {
  return jsonReply({ error: { code, message, ...(hint === undefined ? {} : { hint }) } }, status);
}

/** Goes to the page, by GET. */
export function redirectHome(cookie?: string): Reply {
  // The cookie first: simple clients leave for the new place as soon as they read it.
  const headers: OutgoingHttpHeaders = { ...(cookie === undefined ? {} : { 'set-cookie': cookie }), location: '/' };
  return { status: 303, type: 'html', body: '', headers };
}
