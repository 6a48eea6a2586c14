import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { text } from './text.ts';

export const isHelpOpen = signal(false);

/** The keys of the page. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = isHelpOpen.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog
      ref={dialog}
      aria-labelledby="help-heading"
      onClose={() => {
        isHelpOpen.value = false;
      }}
    >
      <h2 id="help-heading">{text.help.heading}</h2>
      <dl class="keys">
        {text.help.keys.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">{text.help.close}</button>
      </form>
    </dialog>
  );
}
