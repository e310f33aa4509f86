import { Command } from 'commander';
import { writeBootSentinel } from '../machine/boot-state.ts';
import { rememberTime, setClockForward } from '../machine/clock.ts';
import { warningLine } from '../stages/journal.ts';
import { runStage } from '../stages/run-stage.ts';
import type { StageRecord } from '../stages/stage-record.ts';
import { stageRecordText } from '../stages/stage-text.ts';
import { defineCommand } from './command.ts';

const STAGES = ['rootfs', 'initramfs'] as const;

/**
 * `bowline-agent start-up`: what the initrd calls once, in the mounted root, before it starts the init of the image. One
 * process for all of it, because each start of the agent costs time. Whatever fails is reported and the rest is done.
 */
export const startUp = defineCommand<[], object>({
  declare: () =>
    new Command('start-up').description(
      'Does what comes before the init of the image: sets the clock forward, brings in what a new version changes in /var, restores accounts, runs the stages rootfs ' +
        'and initramfs. The initrd calls it. It always exits with 0: a machine with a bad configuration must start.',
    ),
  examples: ['bowline-agent start-up'],
  run: async (_args, _options, { machine, say }) => {
    const notes: string[] = [];
    const attempt = async (what: string, work: () => Promise<string | undefined>): Promise<void> => {
      try {
        const note = await work();
        if (note !== undefined) notes.push(note);
      } catch (error) {
        notes.push(`${what}: ${error instanceof Error ? error.message : 'failed'}`);
        say(warningLine(`start-up: ${notes.at(-1)}`));
      }
    };
    await attempt('clock', () => setClockForward(machine));
    await attempt('boot state', async () => {
      await writeBootSentinel(machine);
      return undefined;
    });
    await attempt('new version', async () => {
      const { mergeImage, mergeText } = await import('../image-merge/merge-image.ts');
      const merge = await mergeImage(machine);
      return merge === undefined ? undefined : mergeText(merge);
    });
    await attempt('accounts', async () => {
      const { restoreIdentity } = await import('../accounts/restore.ts');
      const { warnings, passwords } = await restoreIdentity(machine);
      for (const warning of warnings) say(warningLine(`start-up: accounts: ${warning}`));
      notes.push(...warnings);
      return passwords.length === 0 ? undefined : `passwords restored: ${passwords.join(', ')}`;
    });
    const records: StageRecord[] = [];
    for (const stage of STAGES) {
      await attempt(stage, async () => {
        const record = await runStage(stage, machine, { say });
        records.push(record);
        return stageRecordText(record);
      });
    }
    await rememberTime(machine);
    return { text: notes.join('\n'), json: { notes, stages: records } };
  },
});
