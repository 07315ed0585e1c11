"""What digital twins must show: commands that fit people, predict what was left out, and write a page.

    python -m twins.speed                    how long a fit takes, and its draws beside emcee's
    python -m twins.nuts                     the same posterior drawn by NUTS
    python -m twins.recover                  simulated people: do the intervals hold the truth?
    python -m twins.clamp --data FOLDER      glucose tests of 82 people predict their clamps (ohashi2018)
    python -m twins.sensor --data FOLDER     first days of sensor glucose predict the last three (zhao2023)

Data are not part of the project; each command says where they are published.
"""
