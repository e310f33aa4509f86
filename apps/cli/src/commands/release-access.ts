import type { TaskProgress } from '@bowline/host';
import type { ReleaseAccess } from '@bowline/image';
import type { CommandContext } from '../command.ts';

/** How commands reach releases, with a task that shows how far they are. */
export function releaseAccess(
  context: CommandContext,
  plainHttp: readonly string[] | undefined,
  task: Pick<TaskProgress, 'bytes'>,
): ReleaseAccess {
  const { host, cwd, signal } = context;
  const progress = (done: number, total: number): void => task.bytes(done, total);
  return { host, cwd, signal, plainHttpRegistries: plainHttp ?? [], progress };
}
