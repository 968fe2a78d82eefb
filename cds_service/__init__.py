"""The CRD service, room by room. To find a line, ask "who says so?"; imports only go down.

`__main__`, `cli`   the `crd` command
`app`, `warm_up`    the only place that joins the parts; a first call before any clinician's
`web`, `pages`      how others reach us; what a person looks at
`rest`              the library as a FHIR API
`live`              which set of policies is in service, and since when
`pipeline`          THE STORY: from a hook call to its response
`authoring`         what an author of policies needs
`exchange`          artifacts in and out
`policy`            what the payer says: a library read and compiled, its rules run in a call
`ehr`, `audit`      what the EHR says; what we said
`access`            who may ask
`members`           what the payer knows of its members
`outbound`          guarded HTTP to others
`database`          where records are kept: tables, engines, migrations
`crd`               what the CRD guide says: what was asked, what holds, what goes back
`cds_hooks`         what CDS Hooks says
`fhir`              what FHIR says
`errors`, `settings`, `version`
"""
