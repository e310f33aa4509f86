import type { IncomingMessage, ServerResponse } from 'node:http';
import { BowlineError } from '@bowline/errors';
import { exitCodeOf } from '../exit-codes.ts';
import type { AccessCode } from './access-code.ts';
import { loginPage } from './login-page.ts';
import { PAGE_FILES } from './page-files.ts';
import { sendProgress } from './progress-events.ts';
import { errorReply, type Reply, redirectHome, sendReply } from './replies.ts';
import { isOwnRequest, RequestError, readFields, readFormField } from './requests.ts';
import { ROUTES, type RouteWorld } from './routes.ts';
import type { Sessions } from './sessions.ts';

/** What every request is answered with. */
export interface AnswerWorld extends RouteWorld {
  code: AccessCode;
  sessions: Sessions;
  /** Called for failures that are a fault of the agent; nothing of the request is in them. */
  say: (line: string) => void;
}

/** HTTP status by exit code. */
const STATUS: Readonly<Record<number, number>> = { 2: 400, 7: 409 };

/** Answers one request. Without a session: the login page, its style, and the login itself; nothing else. Never throws. */
export async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  world: AnswerWorld,
): Promise<void> {
  try {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
    if (!world.sessions.isOpen(request.headers.cookie)) {
      return sendReply(response, await answerStranger(request, method, path, world));
    }
    if (method === 'GET' && path === '/api/progress') {
      return sendProgress(response, world.job, () => world.sessions.isOpen(request.headers.cookie));
    }
    sendReply(response, await answerKnown(request, method, path, world));
  } catch (error) {
    sendReply(response, failureReply(error, world.say));
    // What is left of a body that nobody wants is not waited for.
    if (!request.complete) response.once('finish', () => request.destroy());
  }
}

async function answerStranger(
  request: IncomingMessage,
  method: string,
  path: string,
  world: AnswerWorld,
): Promise<Reply> {
  if (method === 'GET' && path === '/style.css') return STYLE;
  if (method === 'GET' && path === '/') return loginPage({ pauseMs: world.code.pauseMs() });
  if (method !== 'POST' || path !== '/login') {
    return errorReply(401, 'UNAUTHORIZED', 'Enter the code first that the console of the machine shows.');
  }
  if (!isOwnRequest(request, 'form')) return errorReply(403, 'FORBIDDEN', 'The request comes from another site.');
  const verdict = world.code.try(await readFormField(request, 'code'));
  return verdict.accepted
    ? redirectHome(world.sessions.begin())
    : loginPage({ pauseMs: verdict.retryAfterMs ?? 0, triesLeft: verdict.triesLeft });
}

async function answerKnown(request: IncomingMessage, method: string, path: string, world: AnswerWorld): Promise<Reply> {
  if (method === 'GET' && path === '/style.css') return STYLE;
  if (method === 'POST' && path === '/login') return redirectHome();
  const candidates = ROUTES.filter((route) => route.path === path);
  const route = candidates.find((candidate) => candidate.method === method);
  if (method === 'POST' && path === '/logout') {
    if (!isOwnRequest(request, 'form')) return errorReply(403, 'FORBIDDEN', 'The request comes from another site.');
    return redirectHome(world.sessions.end(request.headers.cookie));
  }
  if (candidates.length === 0) return errorReply(404, 'NOT_FOUND', 'There is no such page.');
  if (route === undefined) return errorReply(405, 'METHOD', 'This cannot be asked that way.');
  if (route.method === 'GET') return route.answer(world);
  if (!isOwnRequest(request, 'script')) return errorReply(403, 'FORBIDDEN', 'The request comes from another site.');
  return route.answer(world, await readFields(request, route.fields));
}

const STYLE: Reply = { status: 200, type: 'css', body: PAGE_FILES.style };

/** Messages of our own errors hold no secrets; any other failure is a fault, of which strangers learn nothing. */
function failureReply(error: unknown, say: (line: string) => void): Reply {
  if (error instanceof RequestError) return errorReply(error.status, 'REQUEST', error.message);
  if (error instanceof BowlineError) {
    return errorReply(STATUS[exitCodeOf(error)] ?? 500, error.code, error.message, error.hint);
  }
  say(`a request failed: ${error instanceof Error ? error.message : 'unknown'}`);
  return errorReply(500, 'INTERNAL', 'The agent failed; its journal says more.');
}
