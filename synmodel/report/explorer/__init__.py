"""The explorer in the browser: two scenarios side by side, from dose to spines, answered while a slider moves.

The page holds all of its state and sends it with every request; the server keeps no more than results that follow from
it. So several people at once cannot mix, and nothing is written to disk.

======== =====================================================================
module   step
======== =====================================================================
states   what the page sends -> two scenarios
curves   two scenarios -> exact expectations, at the estimate and at draws of the posterior
measured published arms and tables of one's own -> points
panels   curves and points -> what the page draws
handing  curves -> command, Python, TOML, CSV and netCDF
server   requests on 127.0.0.1
======== =====================================================================
"""
