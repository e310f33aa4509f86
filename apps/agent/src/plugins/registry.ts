import type { PluginKey } from '@bowline/spec';
import { AgentError } from '../error.ts';
import type { StepPlugin } from './plugin.ts';

/** Plugins by the key of a step. A plugin is loaded when a step has its key. */
export const PLUGINS: { readonly [K in PluginKey]: () => Promise<StepPlugin<K>> } = {
  dns: () => missing('dns'),
  downloads: () => missing('downloads'),
  git: () => missing('git'),
  ensure_entities: () => missing('ensure_entities'),
  directories: () => missing('directories'),
  files: () => missing('files'),
  commands: () => missing('commands'),
  delete_entities: () => missing('delete_entities'),
  hostname: () => missing('hostname'),
  sysctl: () => missing('sysctl'),
  users: () => missing('users'),
  authorized_keys: () => missing('authorized_keys'),
  modules: () => missing('modules'),
  timesyncd: () => missing('timesyncd'),
  systemctl: () => missing('systemctl'),
  environment: () => missing('environment'),
  systemd_firstboot: () => missing('systemd_firstboot'),
  datasource: () => missing('datasource'),
  layout: () => missing('layout'),
  package_pins: () => missing('package_pins'),
  packages: () => missing('packages'),
  unpack_images: () => missing('unpack_images'),
};

/** Stands for a plugin until it has landed: its step fails and says so. */
async function missing<K extends PluginKey>(key: K): Promise<StepPlugin<K>> {
  return {
    key,
    actions: () => [
      {
        summary: `${key}: not there yet`,
        run: async () => {
          throw new AgentError({ code: 'STEP_FAILED', message: `${key}: not there yet` });
        },
      },
    ],
  };
}
