// Asks on the terminal of this process, with an engine that writes nothing; for the test with a pseudo terminal.
import { FakeInstallEngine } from '../install-choice/fake-engine.testdata.ts';
import { makeTestMachine } from '../machine/test-machine.testdata.ts';
import { installInTerminal } from './install-in-terminal.ts';
import { paintedProgress, plainProgress } from './progress-line.ts';
import { canMoveCursor, prompterFor } from './terminal.ts';

const stopper = new AbortController();
process.on('SIGINT', () => stopper.abort());
const test = await makeTestMachine({ signal: stopper.signal });
const engine = new FakeInstallEngine();
const term = process.env['TERM'];
const streams = { input: process.stdin, output: process.stdout };
try {
  const { after } = await installInTerminal({
    machine: test.machine,
    engine,
    prompter: await prompterFor(streams, term, stopper.signal),
    cwd: '/',
    progress: canMoveCursor(process.stdout, term)
      ? paintedProgress(process.stdout, () => performance.now())
      : plainProgress(process.stdout),
  });
  process.stdout.write(`\nthen: ${after}\nwritten: ${engine.ran.length}\n`);
  const user = engine.ran[0]?.configurations[0]?.text.includes('"ada"') === true;
  process.stdout.write(`user: ${String(user)}\n`);
} catch (error) {
  process.stdout.write(`\nended: ${(error as Error).name}\nwritten: ${engine.ran.length}\n`);
}
await test.remove();
// Nobody waits for more.
process.stdin.destroy();
