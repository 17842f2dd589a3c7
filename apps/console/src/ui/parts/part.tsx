import type { Artifact, Part } from '@shoal/protocol';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { bytesOfBase64, partView, type PartView } from '../../core/artifact-view.ts';
import { bytes } from '../../core/format.ts';
import { safeHtml, safeMarkdown, safeSvg } from '../../io/sanitize.ts';
import { Json } from './json.tsx';

export function ArtifactView({ artifact }: { readonly artifact: Artifact }): ReactNode {
  const title = artifact.name ?? artifact.artifactId;
  return (
    <section className="artifact" aria-label={`Artifact ${title}`}>
      <h3>{title}</h3>
      {artifact.description !== undefined && <p className="muted">{artifact.description}</p>}
      {artifact.parts.map((part, index) => (
        <PartBody key={index} part={part} />
      ))}
    </section>
  );
}

/** One part of a message or artifact, made by somebody else: shown, never run. */
export function PartBody({ part }: { readonly part: Part }): ReactNode {
  const view = useMemo(() => partView(part), [part]);
  switch (view.kind) {
    case 'text':
      return <p className="said">{view.text}</p>;
    case 'markdown':
      return <Html html={safeMarkdown(view.text)} />;
    case 'html':
      return <Html html={safeHtml(view.text)} />;
    case 'svg':
      return <Svg text={view.text} />;
    case 'image':
      return <Picture view={view} />;
    case 'table':
      return <DataTable view={view} />;
    case 'json':
      return <Json value={view.value} label="Data" />;
    case 'link':
      return <LinkOut url={view.url} name={view.name} />;
    default:
      return <FilePart view={view} />;
  }
}

function Html({ html }: { readonly html: string }): ReactNode {
  // oxlint-disable-next-line react/no-danger -- sanitised
  return <div className="foreign" dangerouslySetInnerHTML={{ __html: html }} />;
}

function Svg({ text }: { readonly text: string }): ReactNode {
  const url = useBlobUrl(
    useMemo(() => safeSvg(text), [text]),
    'image/svg+xml',
  );
  if (url === null) return <p className="muted">A drawing that holds nothing to show.</p>;
  return <img className="picture" src={url} alt="Drawing made by the agent" />;
}

function Picture({ view }: { readonly view: Extract<PartView, { kind: 'image' }> }): ReactNode {
  const content = useMemo(() => decoded(view.base64), [view.base64]);
  const url = useBlobUrl(content, view.mediaType);
  if (url === null) return <p className="muted">An image that cannot be read.</p>;
  return <img className="picture" src={url} alt={view.name === '' ? 'Image made by the agent' : view.name} />;
}

function FilePart({ view }: { readonly view: Extract<PartView, { kind: 'file' }> }): ReactNode {
  const content = useMemo(() => decoded(view.base64), [view.base64]);
  // Never its own type: a page that somebody else wrote must not open in this origin.
  const url = useBlobUrl(content, 'application/octet-stream');
  if (url === null || content === undefined) return <p className="muted">A file that cannot be read.</p>;
  return (
    <a className="file" href={url} download={view.name}>
      {view.name} ({view.mediaType === '' ? 'unknown type' : view.mediaType}, {bytes(content.length)})
    </a>
  );
}

function DataTable({ view }: { readonly view: Extract<PartView, { kind: 'table' }> }): ReactNode {
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Table">
      <table className="table">
        <thead>
          <tr>
            {view.columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {view.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={view.columns[column]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {view.left > 0 && <p className="muted">{view.left} more rows are not shown.</p>}
    </div>
  );
}

/** Nothing is fetched: the person decides whether to go there. */
function LinkOut({ url, name }: { readonly url: string; readonly name: string }): ReactNode {
  if (!/^https?:\/\//i.test(url)) return <p className="said">{url}</p>;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer nofollow">
      {name === '' ? url : `${name} (${url})`}
    </a>
  );
}

function decoded(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return bytesOfBase64(base64);
  } catch {
    return undefined;
  }
}

/** Null: there is nothing to show. Undefined while it is made. The URL lives as long as its picture. */
function useBlobUrl(
  content: string | Uint8Array<ArrayBuffer> | undefined,
  type: string,
): string | undefined | null {
  const [url, setUrl] = useState<string | undefined>();
  useEffect(() => {
    if (content === undefined) return undefined;
    const made = URL.createObjectURL(new Blob([content], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [content, type]);
  return content === undefined ? null : url;
}
