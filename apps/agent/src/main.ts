import { fstatSync } from 'node:fs';
import { runAgent } from './agent.ts';
import { AGENT_VERSION } from './version.ts';

const INTERRUPTED = 130;

const stopper = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The second one means now: children end with this process.
    if (stopper.signal.aborted) process.exit(INTERRUPTED);
    stopper.abort(Object.assign(new Error(`stopped by ${signal}`), { name: 'AbortError', code: 'ABORTED' }));
  });
}
// `bowline-agent status | head -1` closes the pipe early; that is no failure worth a word.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.stderr.on('error', () => undefined);

function writer(stream: NodeJS.WriteStream): (text: string) => Promise<void> {
  return (text) =>
    new Promise((resolve) => {
      stream.write(text, () => resolve());
    });
}

/** The journal of systemd (systemd.exec(5)), or the file that stands for it where there is none: our scripts pass its lines on. */
function isJournal(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor);
    return stats.isFile() || process.env['JOURNAL_STREAM'] === `${stats.dev}:${stats.ino}`;
  } catch {
    return false;
  }
}

// A promise, not top-level await: the agent ships as one CommonJS file.
void runAgent(process.argv.slice(2), {
  // Loaded when a command needs it: the help does not.
  host: async () => (await import('@bowline/host')).nodeHost(),
  cwd: process.cwd(),
  version: AGENT_VERSION,
  // A folder that stands for the machine, for tests; everything else is as on a machine.
  root: process.env['BOWLINE_ROOT'] ?? '/',
  signal: stopper.signal,
  stdout: writer(process.stdout),
  stderr: writer(process.stderr),
  journal: isJournal(2),
}).then((exitCode) => process.exit(exitCode));
