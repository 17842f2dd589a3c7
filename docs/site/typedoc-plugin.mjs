import { Converter, ReflectionKind } from 'typedoc';
import { ModuleRouter } from 'typedoc-plugin-markdown';
import { entries } from './typedoc.config.mjs';

export function load(app) {
  nameModules(app);
  keepAnchorsOfTypes(app);
}

/** A module of the reference is named as it is imported, not by the path to its source. */
function nameModules(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const source = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile();
    const entry = entries.find(({ path }) => path === source?.fileName);
    if (entry !== undefined) reflection.name = entry.name;
  });
}

/** `Link.state` takes the anchor of `LinkState` from it: without its dot it is the same text. It has a heading of its own, `state`. */
function keepAnchorsOfTypes({ renderer }) {
  renderer.defineRouter(
    'module-apart',
    class extends ModuleRouter {
      getSlugger(page) {
        const slugger = super.getSlugger(page);
        return { slug: (text) => (text.includes('.') ? text : slugger.slug(text)) };
      }
    },
  );
}
