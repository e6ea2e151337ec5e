"""The words that typing slips are corrected towards, words that only look like slips of them, and short forms."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEY_WORDS = _words(
    """
    above afternoon april august average batteries battery below bitcoin capacity charge charged charger charging
    chart compare compared comparison consumed consuming consumption critical current currently december decrease
    decreasing discharge discharged discharging energy evening exceed export exported exporting february firmware
    forecast friday generate generation generator graph grid happening highest hour hourly hours import imported
    importing increase increasing inverter january july june last level limit limits load lowest maintenance march
    maximum miner miners minimum mining minutes monday month morning night november october overnight panel panels
    peak percent plot power practices produce produced producing production reach reached reserve right running
    saturday september serial solar specifications status summary sunday target temperature threshold thresholds
    thursday today tomorrow tonight trend tuesday usage versus voltage weather wednesday week weekly what when
    yesterday
    """
)
# People use these as they are: "change" is no slip of "charge", nor "lower" of "power".
OTHER_WORDS = _words(
    """
    about access after again against allowed alone along also always among amount another answer around asked asking
    averages away back baking bank base basic battles beak bean bear because become been before behind being best
    better between beverage bifacial biggest bill billed book both bright bring built cable call came capital case
    cash cast catch chance chances change changed changes changing charges chat cheap cheat check clean clear close
    cloud cloudy coach coast code cold coldest come comes common complete conversation converter cooking cooling
    cost costs could couple cover covered covers currency cycle cycles daily days deep degree degrees different
    discuss discussed discussion dishes does doing done down drain draw drop dropped drops drying during each early
    earn east eight eighteen else email employ empty engage engine enough enter entry even event ever every excess
    expect expected expert experts fact factor fall fast fastest feel feet fell fight fill find fine first fish five
    flow flows food football form four france from full further game gear general generally gets getting give given
    giving goes going gone good grade grand great grind grinding group grow half hall hand handle happen happened
    hard has hash hashrate hast have hear heat heating help here high higher hold home hope hose hot hottest house
    hows idea important inside into issue joke juice just keep kind kinds know label land language large largest
    lasting late later latest laundry lead leak least leave less levels lever leverage life lifepo4 light like line
    lines list lithium little live loan local long longest look looking lost lots loud lower made main make makes
    making manager many market match mean means meet might mind mine mined minor minus minute mode model models
    modem modern moment money months more most mouth move movie much must name near need needs never news next nice
    none note nothing now number off offer okay once only open order other over own paid part parts pass past peaks
    pear pearl peek peer people permitted phase phone pick piece place plan plant plants plug plus poem point points
    polar pool port poser post powder powered powers president price prices problem problems procedures process
    produces profit progress projection protection pull purpose push put python quick quite range rate rates ratio
    read reading readings real really reason recent recipe report reports research reserved reset rest reverse rich
    rise rising river road role roof room rule rules safe same sample saturation save saved say saying says score
    season second seeing seek seem seen sell send sense serve set setting settings seven severe share shed shop
    short shortest should show shown shows side sight sign simple since site sixteen size sizing skip slow slower
    small snow sodium solid solstice some song soon sort source spare speak specific speed spend spring stable stand
    start started state states static station statistic statistics stats statue stay step still stock stocks stop
    stopped stopping storage story stream strong strongest success such summer summit sunny sunrise sunset supply
    support sure surplus system table take taken taking talk talking tank team tech technology tell tend term terms
    test text than that their them then there these they thing things think thirteen this those threat through tied
    tight time times told took total tour tower translate trends trip trouble true truth turn turned turning type
    types under unit units until unusable unusual upgrade upon usable used useful user using usual value values very
    view visit voltages wait waking walk walking wall want warm wash washing watch water ways weak wear weed weekend
    weekends weeks well went were wether where whether which whole wide will wind wine winter wire wise wish with
    within without woman word words work working works world worse worst worth would write wrong year years your
    yours zero
    """
)
_SHORT_FORMS = """
    juice=battery batt=battery bat=battery btc=bitcoin temp=temperature avg=average max=maximum yest=yesterday
    yday=yesterday tmrw=tomorrow tmr=tomorrow 2day=today u=you r=are ur=your pls=please plz=please gen=generator
    genset=generator hr=hour hrs=hours wk=week wek=week yr=year mins=minutes prod=production wat=what wut=what
    sco=soc solr=solar slar=solar percent=% pct=% percentage=% watts=w watt=w kilowatts=kw kilowatt=kw
    kilowatt-hours=kwh kwhs=kwh volts=v degrees=c specs=specifications spec=specifications thx=thanks ty=thanks
    minimal=minimum tonite=tonight lst=last info=information mornin=morning todays=today yesterdays=yesterday
    nite=night consumtion=consumption teh=the wich=which waht=what wen=when gird=grid mon=monday tues=tuesday
    weds=wednesday thurs=thursday fri=friday whats=what_is hows=how_is
"""
ALIASES = {short: long.replace("_", " ") for short, _, long in (pair.partition("=") for pair in _SHORT_FORMS.split())}
