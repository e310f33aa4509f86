import type { Bowl } from '@bowline/spec';
import { withChanges } from './changed-root.ts';
import { configureFiles } from './files.ts';
import { configureLifecycle } from './lifecycle.ts';
import { type RootChange, type RootReader, textFile } from './root-reader.ts';
import { configureUnits } from './units.ts';
import { configureUsers } from './users.ts';

/** Everything the bowl says about the content of the root, as changes on top of its layers; later ones win. */
export async function configureRoot(root: RootReader, bowl: Bowl, bowlFolder: string): Promise<RootChange[]> {
  const hostname = bowl.hostname ?? bowl.name;
  const changes: RootChange[] = [
    textFile('etc/hostname', `${hostname}\n`),
    textFile('etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n::1 localhost ip6-localhost ip6-loopback\n`),
    ...(await configureLifecycle(bowlFolder, bowl)),
    ...(await configureUsers(root, bowl.users)),
    ...(await configureFiles(bowlFolder, bowl.files)),
  ];
  // Units last: the bowl may bring the very unit that it enables.
  return [...changes, ...(await configureUnits(withChanges(root, changes), bowl.systemd))];
}
