import { count } from '../figures.ts';
import { Table } from '../parts.tsx';
import { shown } from '../shown_text.ts';
import type { Scene } from '../state/scene.ts';
import { text } from '../text.ts';

/** The nodes of the deployment, for the operator. */
export function Nodes({ scene }: { readonly scene: Scene }) {
  const nodes = scene.system.value?.nodes;
  if (!nodes) return null;
  return (
    <>
      <h3>{text.nodes.heading}</h3>
      <Table label={text.nodes.heading} columns={text.nodes.columns}>
        {nodes.map(({ node, ready, draining, sockets, viewers }) => {
          const state = draining ? 'draining' : ready ? 'ready' : 'notReady';
          return (
            <tr key={node}>
              <td>
                <code>{shown(node)}</code>
              </td>
              <td>
                <span class={`status ${state === 'ready' ? 'completed' : 'failed'}`}>{text.nodes.state[state]}</span>
              </td>
              <td class="number">{count(sockets)}</td>
              <td class="number">{count(viewers)}</td>
            </tr>
          );
        })}
      </Table>
    </>
  );
}
