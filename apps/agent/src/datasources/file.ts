import type { Datasource } from './datasource.ts';
import { readSmallFile } from './small-file.ts';

/** User data in a file: `path` of the step names it. */
export const file: Datasource = {
  name: 'file',
  async fetch(context) {
    if (context.path === undefined) return undefined;
    const userdata = await readSmallFile(context.machine, context.path);
    return userdata === undefined ? undefined : { userdata, metadata: { sshKeys: [] } };
  },
};
