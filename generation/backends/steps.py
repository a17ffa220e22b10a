"""What runs to its end by itself, step by step: for an engine that others must be able to leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Semaphore, Thread


class Steps:
    """Runs something in a thread that stands still after each step until it is asked to go on."""

    def __init__(self) -> None:
        self._done, self._go_on = Semaphore(0), Semaphore(0)
        self._is_left = False

    def pause(self) -> bool:
        """Say that a step is done, and wait; return whether another is wanted. For the thread."""
        self._done.release()
        self._go_on.acquire()
        return not self._is_left

    def of(self, run: Callable[[], None]) -> Iterator[None]:
        """Yield after each step of `run`, and raise what it raises.

        Whoever leaves in between has `run` told so at the pause where it stands, and waits for it.
        """
        ended: Future[None] = Future()
        thread = Thread(target=self._run, args=(run, ended), daemon=True)
        thread.start()
        try:
            self._done.acquire()
            while not ended.done():
                yield
                self._go_on.release()
                self._done.acquire()
        finally:
            self._is_left = True
            self._go_on.release()
            thread.join()
        ended.result()

    def _run(self, run: Callable[[], None], ended: Future[None]) -> None:
        try:
            run()
            ended.set_result(None)
        except BaseException as error:
            ended.set_exception(error)
        finally:
            self._done.release()
