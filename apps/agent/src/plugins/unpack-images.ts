import { isAbsolute, normalize } from 'node:path';
import { AgentError } from '../error.ts';
import type { UnpackOptions } from '../images/unpack-image.ts';
import { definePlugin, type StepPlugin } from './plugin.ts';

/** Makes the plugin; tests give it a registry of their own. */
export function makeUnpackImagesPlugin(options: UnpackOptions = {}): StepPlugin<'unpack_images'> {
  return definePlugin({
    key: 'unpack_images',
    actions: (images) =>
      images.map(({ source, target, platform }) => {
        if (source.trim() === '') throw invalid('source is empty');
        if (!isAbsolute(target) || normalize(target).replace(/\/+$/, '') === '') {
          throw invalid('target must be an absolute path below the root');
        }
        return {
          // A reference may hold a login by mistake: what is before the @ of an address is left out.
          summary: `unpack ${source.replace(/\/\/[^/@]*@/, '//')} to ${target}`,
          run: async (machine) => {
            const { unpackImage } = await import('../images/unpack-image.ts');
            return unpackImage(machine, { source, target, platform }, options);
          },
        };
      }),
  });
}

/** Unpacks container images into folders. */
export const unpackImages = makeUnpackImagesPlugin();

function invalid(why: string): AgentError {
  return new AgentError({
    code: 'STEP_INVALID',
    message: `unpack_images: ${why}.`,
    hint: 'See the reference of the step.',
  });
}
