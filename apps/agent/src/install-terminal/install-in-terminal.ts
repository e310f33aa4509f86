import type { InstallResult } from '../install/plan.ts';
import { endMachine } from '../install-choice/end-machine.ts';
import { type AskWorld, askInstallation } from './ask-installation.ts';
import type { ProgressDisplay } from './progress-line.ts';

/** What came of an installation by questions. */
export interface TerminalOutcome {
  result: InstallResult;
  /** What the machine does now. */
  after: 'nothing' | 'reboot' | 'poweroff';
}

/**
 * Installs by questions: choice, review, progress, result, and what then. Broken off before the confirmation, nothing was
 * written; later, the disk starts nothing and all can be done again. Throws as {@link askInstallation} and the engine do.
 */
export async function installInTerminal(world: AskWorld & { progress: ProgressDisplay }): Promise<TerminalOutcome> {
  const { machine, engine, prompter, progress } = world;
  prompter.begin('Install this system');
  const plan = await askInstallation(world);
  const onProgress = progress.show.bind(progress);
  const result = await engine.run(plan, { signal: machine.signal, onProgress }).finally(() => progress.end());
  for (const line of result.warnings) prompter.warn(line);
  const { name, version } = result.system;
  prompter.show('Installed', [
    `${name} ${version} is on ${result.disk}. It was read back and is right.`,
    'Take the medium out when the machine goes down.',
    'The first start completes the disk and takes a minute longer.',
  ]);
  const after = plan.after === 'nothing' ? await askAfter(world) : plan.after;
  if (after === 'nothing') prompter.end('Restart the machine when it suits you.');
  else {
    prompter.end(after === 'reboot' ? 'The machine restarts.' : 'The machine switches off.');
    await endMachine(machine, after).catch((error: Error) => prompter.warn(error.message));
  }
  return { result, after };
}

async function askAfter({ prompter }: AskWorld): Promise<TerminalOutcome['after']> {
  const choices = [
    { value: 'reboot', label: 'Restart' },
    { value: 'poweroff', label: 'Switch off' },
    { value: 'nothing', label: 'Back to the shell' },
  ];
  // Who breaks off here has a system that is installed all the same.
  const answer = await prompter.select('And now?', choices).catch(() => 'nothing');
  return answer === 'reboot' || answer === 'poweroff' ? answer : 'nothing';
}
