import { AgentError } from '../error.ts';
import type { InstallPlan } from '../install/plan.ts';
import type { InstallEngine } from '../install-choice/engine.ts';
import { makeWish } from '../install-choice/make-wish.ts';
import { type DiskView, diskView, type PlanView, planView } from '../install-choice/plan-view.ts';
import type { Machine } from '../machine/machine.ts';
import { askConfigurations } from './ask-configurations.ts';
import { brokenOff, type Prompter } from './prompter.ts';

/** What the questions are asked with. */
export interface AskWorld {
  machine: Machine;
  engine: InstallEngine;
  prompter: Prompter;
  /** Folder that names of files start at. */
  cwd: string;
}

/**
 * Asks for disk and configuration, shows what would happen, and gives the plan once it was confirmed; a disk with something on it
 * by typing its name. Nothing is written. Throws an AbortError when it is broken off, AgentError of planning.
 */
export async function askInstallation(world: AskWorld): Promise<InstallPlan> {
  const { machine, engine, prompter } = world;
  for (;;) {
    const disk = await askDisk(world);
    const configurations = await askConfigurations(machine, prompter, world.cwd);
    const { wish, reports } = await makeWish(machine, { disk, configurations });
    const plan = await engine.plan(wish, reports);
    const view = planView(plan);
    showPlan(prompter, view);
    const answer = await prompter.select('Go on?', [
      { value: 'install', label: view.confirmation === undefined ? 'Install' : `Erase ${disk} and install` },
      { value: 'again', label: 'Choose again' },
      { value: 'quit', label: 'Leave everything as it is' },
    ]);
    if (answer === 'quit') throw brokenOff();
    if (answer === 'install' && (await isConfirmed(prompter, view))) return plan;
  }
}

async function askDisk({ engine, prompter }: AskWorld): Promise<string> {
  const disks = (await engine.disks()).map(diskView);
  if (!disks.some(({ unfit }) => unfit === undefined)) {
    throw new AgentError({
      code: 'DISK_INVALID',
      message: disks.length === 0 ? 'this machine has no disk' : 'no disk of this machine can be used',
      hint: disks.map(({ path, unfit }) => `${path}: ${unfit ?? ''}.`).join(' ') || 'Is its driver in the image?',
    });
  }
  const width = (of: (disk: DiskView) => string) => Math.max(...disks.map((disk) => of(disk).length));
  const [paths, sizes] = [width(({ path }) => path), width(({ size }) => size)];
  return prompter.select(
    'Which disk? The whole of it is used.',
    disks.map(({ path, size, description, content, unfit }) => ({
      value: path,
      label: `${path.padEnd(paths)}  ${size.padStart(sizes)}  ${description}`.trimEnd(),
      hint:
        unfit === undefined
          ? content.length === 0
            ? 'empty'
            : `holds ${content.join(', ')}`
          : `cannot be used: ${unfit}`,
      ...(unfit === undefined ? {} : { disabled: true }),
    })),
  );
}

function showPlan(prompter: Prompter, plan: PlanView): void {
  const { system, disk } = plan;
  const trust = system.isMedium ? '' : `, signed by ${system.signedBy ?? 'nobody'}`;
  prompter.show('What will happen', [
    `system         ${system.name} ${system.version} (${system.size}), from ${system.origin}${trust}`,
    `disk           ${[disk.path, disk.size, disk.description].filter((word) => word !== '').join(', ')}`,
    `starts by      ${plan.firmware}`,
    `configuration  ${plan.configurations.join(', ') || 'none: only what the image brings'}`,
    `partitions     ${plan.partitions.map(({ label, size }) => `${label} (${size})`).join(', ')}`,
  ]);
  if (plan.erased.length > 0) prompter.show(`THIS WILL BE ERASED on ${disk.path}`, plan.erased);
  for (const line of plan.warnings) prompter.warn(line);
  for (const { key, message } of plan.reports) prompter.warn(`${key}: ${message}`);
}

async function isConfirmed(prompter: Prompter, { confirmation }: PlanView): Promise<boolean> {
  if (confirmation === undefined) return prompter.confirm('Install now?');
  await prompter.text({
    message: `Type ${confirmation} to erase it, or press Ctrl-C`,
    check: (value) => (value.trim() === confirmation ? undefined : `This is not ${confirmation}.`),
  });
  return true;
}
