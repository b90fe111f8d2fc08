"""Choose a network, press Play, watch it learn: the start page."""

from mlp.ui import controls, live, session, takeaway
from mlp.ui.place import comes_and_goes

workbench = session.workbench()
trainer = live.prepare(workbench)
run = session.run_of(workbench, trainer)

controls.sidebar()
live.header(trainer)
with comes_and_goes():
    live.apply_settings(workbench, run)
live.notices(workbench, run.view())
offers_pause = live.transport(workbench, run)
live.watch(workbench, run, offers_pause)
live.explanation()
takeaway.takeaway()

session.write_address(workbench, trainer.config)
