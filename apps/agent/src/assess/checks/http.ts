import { failed, PASSED, type RunCheck } from '../health-check.ts';

/** A web address answers with the status it should. Redirects are answers; the body is not read. */
export const checkHttp: RunCheck<'http'> = async ({ url, status }, machine) => {
  let response: Response;
  try {
    response = await machine.fetch(url, { redirect: 'manual', signal: machine.signal });
  } catch (error) {
    machine.signal.throwIfAborted();
    return failed(`${url} does not answer${causeOf(error)}`);
  }
  await response.body?.cancel();
  return response.status === status ? PASSED : failed(`${url} answered ${response.status}`);
};

/** fetch hides why behind "fetch failed". */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? ` (${code})` : '';
}
