import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './places.ts';

// Before the rest is loaded: compiled sources are kept, which makes every start after the first three times as fast.
enableCompileCache(join(cacheFolder(process.env, process.cwd()), 'compiled'));
const { nodeHost } = await import('@bowline/host');
const { runCli } = await import('./cli.ts');

const INTERRUPTED = 130;
const projectFolder = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const stopper = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The second one means now: children end with this process.
    if (stopper.signal.aborted) process.exit(INTERRUPTED);
    stopper.abort(Object.assign(new Error(`stopped by ${signal}`), { name: 'AbortError', code: 'ABORTED' }));
  });
}
// `bowline list | head -1` closes the pipe early; that is no failure worth a word.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.stderr.on('error', () => undefined);

const exitCode = await runCli(process.argv.slice(2), {
  host: nodeHost(),
  cwd: process.cwd(),
  projectFolder,
  version: versionOf(manifest),
  signal: stopper.signal,
  terminal: { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
});
process.exit(exitCode);

function versionOf(document: unknown): string {
  return typeof document === 'object' && document !== null && 'version' in document ? String(document.version) : '';
}
