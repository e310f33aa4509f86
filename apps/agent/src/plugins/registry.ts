import type { PluginKey } from '@bowline/spec';
import type { StepPlugin } from './plugin.ts';

/** Plugins by the key of a step. A plugin is loaded when a step has its key. */
export const PLUGINS: { readonly [K in PluginKey]: () => Promise<StepPlugin<K>> } = {
  dns: async () => (await import('./dns.ts')).dns,
  downloads: async () => (await import('./downloads.ts')).downloads,
  git: async () => (await import('./git.ts')).git,
  ensure_entities: async () => (await import('./ensure-entities.ts')).ensureEntities,
  directories: async () => (await import('./directories.ts')).directories,
  files: async () => (await import('./files.ts')).files,
  commands: async () => (await import('./commands.ts')).commands,
  delete_entities: async () => (await import('./delete-entities.ts')).deleteEntities,
  hostname: async () => (await import('./hostname.ts')).hostname,
  sysctl: async () => (await import('./sysctl.ts')).sysctl,
  users: async () => (await import('./users.ts')).users,
  authorized_keys: async () => (await import('./authorized-keys.ts')).authorizedKeys,
  modules: async () => (await import('./modules.ts')).modules,
  timesyncd: async () => (await import('./timesyncd.ts')).timesyncd,
  systemctl: async () => (await import('./systemctl.ts')).systemctl,
  environment: async () => (await import('./environment.ts')).environment,
  systemd_firstboot: async () => (await import('./systemd-firstboot.ts')).systemdFirstboot,
  datasource: async () => (await import('./datasource.ts')).datasource,
  layout: async () => (await import('./layout.ts')).layout,
  package_pins: async () => (await import('./package-pins.ts')).packagePins,
  packages: async () => (await import('./packages.ts')).packages,
  unpack_images: async () => (await import('./unpack-images.ts')).unpackImages,
};
