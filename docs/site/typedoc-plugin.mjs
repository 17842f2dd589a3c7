import { Converter, ReflectionKind } from 'typedoc';
import { ModuleRouter } from 'typedoc-plugin-markdown';
import { entries } from './typedoc.config.mjs';

export function load(app) {
  nameModules(app);
  keepAnchorsOfTypes(app);
  askForWords(app);
}

/** Generated from the schemas, one validator a document: the names say all. */
const GENERATED_MODULE = '@shoal/protocol/validators';
const GENERATED_NAME = /^validate[A-Z]/;

/** Exported functions and constants have a description; a warning fails the build. */
function askForWords(app) {
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      if (module.name === GENERATED_MODULE) continue;
      const bare = (module.children ?? []).filter((child) => !isDescribed(child));
      for (const { name } of bare)
        app.logger.warn(`${module.name}: ${name} has no description: say what its signature cannot`);
    }
  });
}

function isDescribed(reflection) {
  if (!reflection.kindOf([ReflectionKind.Function, ReflectionKind.Variable])) return true;
  if (reflection.kindOf(ReflectionKind.Variable) && GENERATED_NAME.test(reflection.name)) return true;
  const signatures = reflection.signatures ?? reflection.type?.declaration?.signatures ?? [];
  return reflection.hasComment() || signatures.some((signature) => signature.hasComment());
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
